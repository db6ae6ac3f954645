//! The table from which Julia makes its functions.

use scratchrs_ops::{OPERATIONS, Operation, Shapes};

use super::{NOTICE, push};

pub(super) fn text() -> String {
    let mut out = format!("# {NOTICE}\n\n# The number of this list of operations.\n");
    push(&mut out, format!("const ABI = {:#018x}\n", scratchrs_ops::current_abi()));
    let words = Shapes::default().words();
    let words: Vec<_> = words.iter().map(|name| format!(":{name}")).collect();
    push(&mut out, "# The fields of replies that hold one of some words.");
    push(&mut out, format!("const WORDS = ({},)\n", words.join(", ")));
    push(&mut out, "@operations begin");
    for Operation { kind, name, arguments, reply, .. } in OPERATIONS {
        let arguments: Vec<String> =
            arguments.iter().map(|(name, r#type)| format!("{name}::{type}")).collect();
        push(&mut out, format!("    {kind}({name}({})::{reply})", arguments.join(", ")));
    }
    push(&mut out, "end");
    out
}
