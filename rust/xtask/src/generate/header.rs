//! The C header.

use std::fmt::Write;

use scratchrs_ops::OPERATIONS;

use super::{NOTICE, push, runs_on_a_thread, sentence};

pub(super) fn text() -> String {
    let mut out = format!("/* {NOTICE} */\n");
    out.push_str(
        "/* The C ABI of ScratchRS.\n\
         \x20*\n\
         \x20* A function returns zero, or the code of an error. Replies, errors and progress are\n\
         \x20* MessagePack; docs/operations.md has their schemas. Pass each reply to scratchrs_free.\n\
         \x20*\n\
         \x20* A text is UTF-8, and ends with a NUL. A list of texts is their number, then the length\n\
         \x20* and the bytes of each, without a NUL; binary data are their length, then the bytes.\n\
         \x20* Numbers and lengths have 4 bytes, the lowest first. A UUID has 16 bytes, in the order\n\
         \x20* in which it is written (RFC 9562). For none, an optional text is empty, and an optional\n\
         \x20* number negative.\n\
         \x20*/\n\
         #ifndef SCRATCHRS_H\n#define SCRATCHRS_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n\
         #ifdef __cplusplus\nextern \"C\" {\n#endif\n\n\
         enum {\n    SCRATCHRS_INVALID_INPUT = 1,\n    SCRATCHRS_IO = 2,\n    SCRATCHRS_BUSY = 3,\n    \
         SCRATCHRS_NOT_FOUND = 4,\n    SCRATCHRS_INTERNAL = 5,\n    SCRATCHRS_INTEGRITY = 6,\n    \
         SCRATCHRS_FORMAT = 7,\n    SCRATCHRS_CANCELLED = 8,\n    SCRATCHRS_DOWNLOAD = 9,\n    SCRATCHRS_CONFLICT = 10\n};\n\n\
         typedef struct {\n    uint8_t *start;\n    size_t length;\n} scratchrs_bytes;\n\n\
         typedef struct scratchrs_job scratchrs_job;\n\n\
         /* Called on another thread: once when a job is done, and before that whenever its\n\
         \x20* progress should be shown. */\n\
         typedef int scratchrs_notify(void *handle);\n\n",
    );
    push(
        &mut out,
        format!(
            "/* The number of this list of operations. */\n#define SCRATCHRS_ABI {:#018x}u\nuint64_t scratchrs_abi(void);\n",
            scratchrs_ops::current_abi()
        ),
    );
    out.push_str(
        "/* The version of the library. */\nconst char *scratchrs_version(void);\n\
         void scratchrs_free(scratchrs_bytes bytes);\n\n\
         /* Waits until a job is done, then frees it. */\n\
         uint32_t scratchrs_finish(scratchrs_job *job, scratchrs_bytes *reply);\n\n\
         /* Lets a job continue, and frees it when it is done. */\n\
         void scratchrs_detach(scratchrs_job *job);\n\n\
         /* The progress of a job, with a line of at most so many columns for a terminal; nil when\n\
         \x20* it is done. */\n\
         void scratchrs_progress(const scratchrs_job *job, size_t columns, uint8_t has_colour, scratchrs_bytes *reply);\n\n\
         /* Cancels a job, which ends as soon as it leaves nothing incomplete. Call\n\
         \x20* scratchrs_finish or scratchrs_detach as well. */\n\
         void scratchrs_cancel(const scratchrs_job *job);\n\n\
         /* Cancels all jobs, and sends no more notifications: for the end of a session. */\n\
         void scratchrs_end_jobs(void);\n",
    );
    for operation in OPERATIONS {
        let mut arguments: Vec<String> = operation
            .arguments
            .iter()
            .map(|(name, r#type)| match *r#type {
                "Text" | "OptionalText" => format!("const char *{name}"),
                "Texts" | "Binary" => format!("const uint8_t *{name}"),
                "Uuid" => format!("const uint8_t {name}[16]"),
                "Flag" => format!("uint8_t {name}"),
                _ => format!("uint64_t {name}"),
            })
            .collect();
        let (result, prefix) = if runs_on_a_thread(operation.kind) {
            arguments.push("scratchrs_notify *function".to_owned());
            arguments.push("void *handle".to_owned());
            arguments.push("uint32_t *status".to_owned());
            ("scratchrs_job *", "scratchrs_start_")
        } else {
            ("uint32_t ", "scratchrs_")
        };
        arguments.push("scratchrs_bytes *reply".to_owned());
        let name = operation.name;
        let arguments = arguments.join(", ");
        let _ =
            write!(out, "\n/* {} */\n{result}{prefix}{name}({arguments});\n", sentence(operation));
    }
    out.push_str("\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    out
}
