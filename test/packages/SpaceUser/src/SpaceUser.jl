# A package as users write them: with a space that is known once the package is loaded, one that is
# filled once, and one that is used while the package is precompiled.
module SpaceUser

using ScratchRS

module Inner
using ScratchRS
space(key) = @get_scratch!(key)
end

const BUILT = let directory = @get_scratch!("built")
    write(joinpath(directory, "file"), "built")
    read(joinpath(directory, "file"), String)
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
