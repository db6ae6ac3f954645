# A package as users write them: a space that is known once the package is loaded, and one that is
# filled once.
module SpaceUser

using ScratchRS

module Inner
using ScratchRS
space(key) = @get_scratch!(key)
end

cache = ""
__init__() = global cache = @get_scratch!("cache")

space(key) = @get_scratch!(key)

function table()
    directory = @get_scratch!("table") do directory
        write(joinpath(directory, "table.txt"), "1 2 3")
    end
    return read(joinpath(directory, "table.txt"), String)
end

end
