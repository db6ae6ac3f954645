# Worker processes ask for a space at the same time; one of them fills it.

include("user.jl")

using Distributed

Pkg.activate(project(only(ARGS)))
addprocs(2; exeflags = "--project=$(project(only(ARGS)))")
@everywhere using ScratchRS
@everywhere filled() = get_scratch!("filled") do directory
    open(io -> println(io, getpid()), joinpath(homedir(), "fillings"), "a")
    write(joinpath(directory, "file"), "content")
end

spaces = asyncmap(worker -> remotecall_fetch(filled, worker), procs())
@test length(spaces) == 3
@test isfile(joinpath(only(unique(spaces)), "file"))
@test countlines(joinpath(homedir(), "fillings")) == 1
