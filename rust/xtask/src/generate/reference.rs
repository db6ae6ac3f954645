//! The reference of the operations.

use std::fmt::Write;

use scratchrs_ops::{OPERATIONS, Operation, Shapes};

use super::{NOTICE, sentence};

pub(super) fn text() -> String {
    let mut out = format!("<!-- {NOTICE} -->\n\n# Operations\n\n");
    out.push_str(
        "The calls between Julia and Rust. `short` operations are plain calls, `waits` may wait \
         for other processes for up to 50 ms, a `job` and a `deletion` run on a thread of their \
         own; an interrupt cancels a `job`, but not a `deletion`.\n\n\
         An `OptionalText` is empty for none.\n\n\
         Replies, errors and progress are MessagePack. Below, `{…}` is a map of names and values, `[…]`\n\
         an array, `time` the timestamp extension type, `sha1` and `sha256` the bytes of a hash as the\n\
         extension types 2 and 3, and a `table` a TOML table, in which dates and times are text of the\n\
         extension type 1. The shapes are part of the ABI number.\n\n\
         | operation | kind | arguments | reply | |\n|---|---|---|---|---|\n",
    );
    let mut shapes = Shapes::default();
    for operation in OPERATIONS {
        let arguments: Vec<String> =
            operation.arguments.iter().map(|(name, r#type)| format!("{name}: {type}")).collect();
        let Operation { name, kind, .. } = operation;
        let reply = shapes.of(operation).to_string().replace('|', "\\|");
        let _ = writeln!(
            out,
            "| `{name}` | {kind} | {} | {reply} | {} |",
            arguments.join(", "),
            sentence(operation)
        );
    }
    let _ = write!(out, "\nAn error is `{}`, ", shapes.of_errors());
    let _ = writeln!(out, "the progress of a job `{}`.", shapes.of_progress());
    out
}
