//! The Julia functions for the operations.
//!
//! They are written out: a macro that makes them from a table costs 160 KiB of the precompiled file.

use scratchrs_ops::{OPERATIONS, Operation, Shapes};

use super::{NOTICE, push, runs_on_a_thread};

pub(super) fn text() -> String {
    let mut out = format!("# {NOTICE}\n\n# The number of this list of operations.\n");
    push(&mut out, format!("const ABI = {:#018x}\n", scratchrs_ops::current_abi()));
    let words = Shapes::default().words();
    let words: Vec<_> = words.iter().map(|name| format!(":{name}")).collect();
    push(&mut out, "# The fields of replies that hold one of some words.");
    push(&mut out, format!("const WORDS = ({},)\n", words.join(", ")));
    let symbols = [
        ("SYMBOLS", "scratchrs_", "The functions for the operations"),
        ("SYMBOLS_OF_JLRS", "scratchrs_jlrs_", "The same, with plain calls in the way of jlrs"),
    ];
    for (list, plain, meaning) in symbols {
        push(&mut out, format!("# {meaning}.\nconst {list} = ["));
        for Operation { kind, name, .. } in OPERATIONS {
            let prefix = if runs_on_a_thread(kind) { "scratchrs_start_" } else { plain };
            push(&mut out, format!("    \"{prefix}{name}\","));
        }
        push(&mut out, "]");
    }
    for (index, operation) in OPERATIONS.iter().enumerate() {
        push(&mut out, "");
        push(&mut out, function(index + 1, operation));
    }
    out
}

/// Of a type of argument: the type of the function's argument, and what `ccall` says in the way of C and in
/// that of jlrs.
fn types(name: &str) -> [&'static str; 3] {
    match name {
        "Text" => ["String", "Cstring", "Any"],
        "Texts" => ["Vector{String}", "Ptr{UInt8}", "Ptr{UInt8}"],
        "Binary" => ["String", "Ptr{UInt8}", "Ptr{UInt8}"],
        "Uuid" => ["UUID", "Ref{UInt128}", "Ref{UInt128}"],
        "Flag" => ["Bool", "UInt8", "UInt8"],
        _ => ["UInt64", "UInt64", "UInt64"],
    }
}

fn function(number: usize, operation: &Operation) -> String {
    let Operation { kind, name, arguments, reply, .. } = operation;
    let read = match *reply {
        "Unit" => "unit",
        "Text" => "text",
        "Texts" => "texts",
        _ => "encoded",
    };
    let mut signature: Vec<String> =
        arguments.iter().map(|(name, r#type)| format!("{name}::{}", types(r#type)[0])).collect();
    if *kind == "job" {
        signature.push("@nospecialize(io = stderr)".to_owned());
    }
    let call = |way: usize, result: &str, extra_types: &str, extra: &str| {
        let types: String =
            arguments.iter().map(|(_, r#type)| format!("{}, ", types(r#type)[way])).collect();
        let value = |(name, r#type): &(&str, &str)| match *r#type {
            "Uuid" => format!("in_order({name}), "),
            _ => format!("{name}, "),
        };
        let values: String = arguments.iter().map(value).collect();
        format!(
            "ccall(library.operations[{number}], {result}, ({types}{extra_types}), {values}{extra})"
        )
    };
    let mut lines = vec![
        format!("function {name}({})", signature.join(", ")),
        "    library = loaded()".to_owned(),
    ];
    let mut line = |text: String| lines.push(format!("    {text}"));
    let of_type = |types: &'static [&str]| arguments.iter().filter(|(_, its)| types.contains(its));
    if runs_on_a_thread(kind) {
        of_type(&["Text"]).for_each(|(name, _)| line(format!("crossing({name})")));
    }
    of_type(&["Texts", "Binary"]).for_each(|(name, _)| line(format!("{name} = packed({name})")));
    if runs_on_a_thread(kind) {
        line("wakeup = begin_waiting()".to_owned());
        line("status, reply = Ref{UInt32}(0), Ref(Bytes())".to_owned());
        let job = call(
            1,
            "Ptr{Cvoid}",
            "Ptr{Cvoid}, Ptr{Cvoid}, Ref{UInt32}, Ref{Bytes}",
            "cglobal(:uv_async_send), wakeup.handle, status, reply",
        );
        line(format!("job = {job}"));
        line("job == C_NULL && not_started(library, wakeup, status[], reply)".to_owned());
        let wait = match *kind {
            "job" => "finish(library, job, wakeup, io)",
            _ => "outlast(library, job, wakeup)",
        };
        line(format!("return checked({read}, UInt32(0), {wait})"));
    } else {
        line("if library.is_jlrs".to_owned());
        line("    code = Ref{UInt32}(0)".to_owned());
        line("    defer_interrupts()".to_owned());
        line(format!("    reply = {}::String", call(2, "Any", "Ref{UInt32},", "code")));
        line("    deliver_interrupts()".to_owned());
        line(format!("    return checked({read}, code[], reply)"));
        line("end".to_owned());
        line("bytes = Ref(Bytes())".to_owned());
        line(format!("status = {}", call(1, "UInt32", "Ref{Bytes},", "bytes")));
        line(format!("return taken({read}, library, status, bytes)"));
    }
    lines.push("end".to_owned());
    lines.join("\n")
}
