# Stands for `Pkg.develop` of ScratchRS, which needs a registry.
pushfirst!(LOAD_PATH, dirname(dirname(@__DIR__)))

using WordIndex

println("the index is in ", WordIndex.index)
for word in ("walrus", "cabbages")
    println("\n", word, ":")
    foreach(line -> println("  ", line), WordIndex.find(word))
end
