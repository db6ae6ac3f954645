"""
Finds the lines of a poem by their words, with an index that is made once for each depot.
"""
module WordIndex

using ScratchRS

text_file() = joinpath(pkgdir(WordIndex), "data", "walrus.txt")

# Filled in by `__init__`, so that no path is stored in the precompiled file.
index = ""

function __init__()
    global index = @get_scratch!("index", version = 1) do directory
        println("indexing ", basename(text_file()), " …")
        write_index(directory)
    end
end

# A file for each word, with the numbers of the lines that it stands in.
function write_index(directory)
    lines = Dict{String, Vector{Int}}()
    for (number, line) in enumerate(eachline(text_file())), word in split(lowercase(line), !isletter)
        isempty(word) || push!(get!(lines, word, Int[]), number)
    end
    for (word, numbers) in lines
        write(joinpath(directory, word), join(unique(numbers), '\n'))
    end
end

"""
    find(word) -> Vector{String}

The lines that `word` stands in.
"""
function find(word)
    file = joinpath(index, lowercase(word))
    isfile(file) || return String[]
    return readlines(text_file())[parse.(Int, eachline(file))]
end

end
