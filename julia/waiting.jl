# Waiting for other processes and tasks.

# How long to wait before a message says so, in seconds.
const SILENCE = 1.0

# Asks again until nobody else is at work on a thing of this name, and gives the answer; `doing` is
# what others do with it. An answer is texts; while others are at work they are `busy`, their process,
# its machine, and for how many seconds they have been, or nothing. `check` is called where it is
# this process that is at work.
function wait_for_other(check, ask, name, doing::String)
    began = time()
    announced = false
    pause = 0.002
    while true
        reply = ask()
        if reply[1] != "busy"
            announced && announce("Ready", :green, "`$name` after $(in_words(time() - began))")
            return reply
        end
        pid, host, seconds = reply[2], reply[3], reply[4]
        is_this_process = pid == string(getpid()) && host == gethostname()
        is_this_process && check()
        if !announced && time() - began >= SILENCE
            who = is_this_process ? "another task" : "process $pid on $host"
            what = isempty(seconds) ? "is $doing it" :
                "has been $doing it for $(in_words(parse(Float64, seconds)))"
            announce("Waiting", :yellow, "for `$name`: $who $what")
            announced = true
        end
        sleep(pause)
        pause = min(2pause, 0.1)
    end
end
