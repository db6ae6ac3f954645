# Measures what Pkg does with the data in the directory ARGS[1]. Prints lines of a name and a number
# of seconds. `cargo xtask bench artifacts` runs it.

using Pkg, SHA

const DIRECTORY = ARGS[1]
const TREE = joinpath(DIRECTORY, "tree")
const TARBALL = joinpath(DIRECTORY, "pkg.tar.gz")
const UNPACKED = joinpath(DIRECTORY, "pkg-unpacked")
const ENGINES = Pkg.PlatformEngines

seconds(f) = (start = time_ns(); f(); (time_ns() - start) / 1e9)
report(what, time) = println(what, ' ', time)

# Julia 1.5 looks for the programs that it needs.
isdefined(ENGINES, :probe_platform_engines!) && ENGINES.probe_platform_engines!()

# Compiled before it is measured.
mktempdir() do directory
    tree = mkdir(joinpath(directory, "tree"))
    write(joinpath(tree, "file"), "contents")
    tarball = joinpath(directory, "a.tar.gz")
    Pkg.GitTools.tree_hash(tree)
    ENGINES.package(tree, tarball)
    open(sha256, tarball)
    ENGINES.unpack(tarball, joinpath(directory, "unpacked"))
end

const SMALL = seconds(() -> Pkg.GitTools.tree_hash(joinpath(DIRECTORY, "small")))
report("tree hash of small files", SMALL)
const LARGE = seconds(() -> Pkg.GitTools.tree_hash(joinpath(DIRECTORY, "large")))
report("tree hash of a large file", LARGE)

# What `archive_artifact` does.
report("pack the tree", seconds() do
    ENGINES.package(TREE, TARBALL)
    open(sha256, TARBALL)
end)

# What `download_artifact` does with what it has downloaded.
rm(UNPACKED; force = true, recursive = true)
run(`sync`)
report("unpack and verify the tree", seconds() do
    ENGINES.unpack(joinpath(DIRECTORY, "ours.tar.gz"), UNPACKED)
    Pkg.GitTools.tree_hash(UNPACKED)
end)
rm(UNPACKED; force = true, recursive = true)
