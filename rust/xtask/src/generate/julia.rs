//! The Julia functions for the operations.
//!
//! They are written out: a macro that makes them from a table costs 160 KiB of the precompiled file.

use std::collections::BTreeMap;

use scratchrs_ops::{OPERATIONS, Operation, Shape, Shapes};

use super::{NOTICE, push, runs_on_a_thread};

pub(super) fn text() -> String {
    let mut out = format!("# {NOTICE}\n\n# The number of this list of operations.\n");
    push(&mut out, format!("const ABI = {:#018x}\n", scratchrs_ops::current_abi()));
    let mut shapes = Shapes::default();
    let words: Vec<_> = shapes.words().iter().map(|name| format!(":{name}")).collect();
    push(&mut out, "# The fields of replies that hold words.");
    push(&mut out, format!("const WORDS = ({},)\n", words.join(", ")));
    let symbols = [
        ("SYMBOLS", "scratchrs_", "The functions for the operations"),
        ("SYMBOLS_OF_JLRS", "scratchrs_jlrs_", "The same; plain calls are those for jlrs"),
    ];
    for (list, plain, meaning) in symbols {
        push(&mut out, format!("# {meaning}.\nconst {list} = ["));
        for Operation { kind, name, .. } in OPERATIONS {
            let prefix = if runs_on_a_thread(kind) { "scratchrs_start_" } else { plain };
            push(&mut out, format!("    \"{prefix}{name}\","));
        }
        push(&mut out, "]");
    }
    let replies: Vec<Reply> = OPERATIONS.iter().map(|one| Reply::of(one, &mut shapes)).collect();
    let records: BTreeMap<_, _> = replies.iter().filter_map(Reply::record).collect();
    push(&mut out, "\n# The short replies that are structs.");
    for (name, fields) in records {
        push(&mut out, format!("{name}(fields::Dict{{String, Any}}) = ({})", fields.join(", ")));
    }
    for (index, (operation, reply)) in OPERATIONS.iter().zip(&replies).enumerate() {
        push(&mut out, "");
        push(&mut out, function(index + 1, operation, reply));
    }
    out
}

/// How the reply of an operation is read.
enum Reply<'a> {
    /// It is nothing.
    Nothing,
    /// As a value, and the expression for it.
    Value(String),
    /// As the fields of a struct with a name, each with its expression; and whether it may be nil.
    Record(&'a str, Vec<String>, bool),
    /// Later, by `MessagePack`.
    Encoded,
}

impl<'a> Reply<'a> {
    fn of(operation: &Operation, shapes: &mut Shapes) -> Reply<'a> {
        let shape = shapes.of(operation);
        if shape.is("nil") {
            return Reply::Nothing;
        }
        if let Some(value) = value(&shape, "reply") {
            return Reply::Value(value);
        }
        let (shape, is_optional) = unless_nil(&shape);
        match fields(shape) {
            Some(fields) => {
                let name = operation.reply.strip_prefix("Optional").unwrap_or(operation.reply);
                Reply::Record(name, fields, is_optional)
            }
            None => Reply::Encoded,
        }
    }

    fn record(&self) -> Option<(&'a str, &[String])> {
        match self {
            Reply::Record(name, fields, _) => Some((name, fields)),
            _ => None,
        }
    }

    /// The function that reads it.
    fn reader(&self) -> &'static str {
        match self {
            Reply::Nothing => "unit",
            Reply::Value(_) | Reply::Record(..) => "value",
            Reply::Encoded => "encoded",
        }
    }

    /// The expression for what was read, `reply`.
    fn expression(&self) -> String {
        match self {
            Reply::Nothing | Reply::Encoded => "reply".to_owned(),
            Reply::Value(value) => value.clone(),
            Reply::Record(name, _, false) => format!("{name}(reply::Dict{{String, Any}})"),
            Reply::Record(name, _, true) => {
                format!("reply === nothing ? nothing : {name}(reply::Dict{{String, Any}})")
            }
        }
    }
}

/// A shape without nil, and whether it has it.
fn unless_nil(shape: &Shape) -> (&Shape, bool) {
    match shape {
        Shape::OneOf(shapes) => match &shapes[..] {
            [shape, nil] if nil.is("nil") => (shape, true),
            _ => (shape, false),
        },
        _ => (shape, false),
    }
}

/// The expression for a value of a shape that `value` of `call.jl` reads from `source`.
fn value(shape: &Shape, source: &str) -> Option<String> {
    if shape.is_word() {
        return Some(format!("word({source})"));
    }
    let (shape, is_optional) = unless_nil(shape);
    let of_type = match shape {
        Shape::Plain(name) => match name.as_str() {
            "flag" => "Bool",
            "number" => "Int",
            "text" => "String",
            // The bytes as a string.
            "sha1" | "sha256" => "String",
            _ => return None,
        },
        Shape::List(element) if element.is("text") => "Vector{String}",
        _ => return None,
    };
    Some(match is_optional {
        true => format!("{source}::Union{{Nothing, {of_type}}}"),
        false => format!("{source}::{of_type}"),
    })
}

/// The fields of a struct, or those of all variants of an enum.
fn fields(shape: &Shape) -> Option<Vec<String>> {
    let variants = match shape {
        Shape::OneOf(shapes) => shapes.as_slice(),
        shape => std::slice::from_ref(shape),
    };
    let mut all: BTreeMap<&str, (&Shape, usize)> = BTreeMap::new();
    for variant in variants {
        let Shape::Fields(fields) = variant else { return None };
        for (name, shape) in fields {
            all.entry(name).or_insert((shape, 0)).1 += 1;
        }
    }
    let field = |(name, (shape, count)): (&str, (&Shape, usize))| {
        let source = match count == variants.len() {
            true => format!("fields[\"{name}\"]"),
            false => format!("get(fields, \"{name}\", nothing)"),
        };
        let optional = Shape::OneOf(vec![shape.clone(), Shape::Plain("nil".to_owned())]);
        let (_, is_optional) = unless_nil(shape);
        let shape = if count == variants.len() || is_optional { shape } else { &optional };
        Some(format!("{name} = {}", value(shape, &source)?))
    };
    all.into_iter().map(field).collect()
}

/// For a type of argument: the type of the function's argument, and those of `ccall` for C and for jlrs.
fn types(name: &str) -> [&'static str; 3] {
    match name {
        "Text" | "OptionalText" => ["String", "Cstring", "Any"],
        "Texts" => ["Vector{String}", "Ptr{UInt8}", "Ptr{UInt8}"],
        "Binary" => ["String", "Ptr{UInt8}", "Ptr{UInt8}"],
        "Uuid" => ["UUID", "Ref{UInt128}", "Ref{UInt128}"],
        "Flag" => ["Bool", "UInt8", "UInt8"],
        _ => ["Int", "UInt64", "UInt64"],
    }
}

fn function(number: usize, operation: &Operation, reply: &Reply<'_>) -> String {
    let Operation { kind, name, arguments, .. } = operation;
    let read = reply.reader();
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
        of_type(&["Text", "OptionalText"]).for_each(|(name, _)| line(format!("crossing({name})")));
    }
    of_type(&["Texts", "Binary"]).for_each(|(name, _)| line(format!("{name} = packed({name})")));
    if runs_on_a_thread(kind) {
        line("condition = begin_waiting()".to_owned());
        line("status, failure = Ref{UInt32}(0), Ref(Bytes())".to_owned());
        let job = call(
            1,
            "Ptr{Cvoid}",
            "Ptr{Cvoid}, Ptr{Cvoid}, Ref{UInt32}, Ref{Bytes}",
            "cglobal(:uv_async_send), condition.handle, status, failure",
        );
        line(format!("job = {job}"));
        line("job == C_NULL && not_started(library, condition, status[], failure)".to_owned());
        let wait = match *kind {
            "job" => "finish(library, job, condition, io)",
            _ => "outlast(library, job, condition)",
        };
        line(format!("reply = checked({read}, UInt32(0), {wait})"));
    } else {
        line("if library.is_jlrs".to_owned());
        line("    code = Ref{UInt32}(0)".to_owned());
        line("    defer_interrupts()".to_owned());
        line(format!("    string = {}::String", call(2, "Any", "Ref{UInt32},", "code")));
        line("    deliver_interrupts()".to_owned());
        line(format!("    reply = checked({read}, code[], string)"));
        line("else".to_owned());
        line("    bytes = Ref(Bytes())".to_owned());
        line(format!("    status = {}", call(1, "UInt32", "Ref{Bytes},", "bytes")));
        line(format!("    reply = taken({read}, library, status, bytes)"));
        line("end".to_owned());
    }
    line(format!("return {}", reply.expression()));
    lines.push("end".to_owned());
    lines.join("\n")
}
