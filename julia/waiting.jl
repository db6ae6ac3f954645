# Waiting for other processes and tasks.

# How long to wait before a message says so, in seconds.
const QUIET_TIME = 1.0

# Calls `ask` again until the item `name` is not busy, and returns its state. `doing` says what others do with
# it. `check` is called if another task of this process has it.
function wait_for_other(check, ask, name, doing::String)
    began = time()
    announced = false
    pause = 0.002
    while true
        item = ask()
        if item.state !== :busy
            announced && announce("Ready", :green, "`$name` after $(in_words(time() - began))")
            return item
        end
        is_this_process = item.pid == getpid() && item.host == gethostname()
        is_this_process && check()
        if !announced && time() - began >= QUIET_TIME
            other = is_this_process ? "another task" :
                "process $(something(item.pid, "")) on $(item.host)"
            what = item.seconds === nothing ? "is $doing it" :
                "has been $doing it for $(in_words(Float64(item.seconds)))"
            announce("Waiting", :yellow, "for `$name`: $other $what")
            announced = true
        end
        sleep(pause)
        pause = min(2pause, 0.1)
    end
end
