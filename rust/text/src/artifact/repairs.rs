//! The repair of artifacts.

use scratchrs_core::artifact::Repairs;

use super::verification::head;
use crate::human::{count, plural, visible};
use crate::{Context, Note, Text};

/// A line for each artifact that was installed, or should have been.
pub fn repairs(repairs: &Repairs, context: &Context<'_>) -> Text {
    let Repairs { sound, repaired, installed, failed, unknown, unreadable, left_out, .. } = repairs;
    let mut lines = Vec::new();
    lines.extend(repaired.iter().map(|it| head("repaired", &it.hash, &it.path)));
    lines.extend(installed.iter().map(|it| head("installed", &it.hash, &it.path)));
    lines.extend(
        failed.iter().map(|it| head("failed", &it.hash, &it.error.to_string().replace('\n', "; "))),
    );
    lines.extend(unknown.iter().map(|it| head("unknown", &it.hash, &it.path)));
    lines.extend(unreadable.iter().map(|it| head("unreadable", &it.hash, &it.reason)));
    let mut notes = Vec::new();
    if !unknown.is_empty() {
        let message = "no known file has a source for the artifacts marked `unknown`";
        notes.push(Note::new(message).hint(
            "pass such a file: `--file path/to/Artifacts.toml`; or remove the artifacts: \
             `scratchrs artifact remove HASH`",
        ));
    }
    notes.extend(left_out.iter().map(|left_out| {
        let note = format!("`{}` is left out: {}", visible(&left_out.name), left_out.error);
        Note { message: note, hint: left_out.error.hint(context.front_end).map(str::to_owned) }
    }));
    let artifacts = |number: usize| count(number as u64, "artifact");
    let sound = format!("{} {} intact", artifacts(*sound), plural(*sound as u64, "was", "were"));
    let mut text = Text { lines, notes, ..Text::default() }.sentence(sound);
    if !repaired.is_empty() {
        text = text.done("Repaired", artifacts(repaired.len()));
    }
    if !installed.is_empty() {
        text = text.done("Installed", artifacts(installed.len()));
    }
    text
}

/// How many artifacts are still corrupt or missing; `None` if none is.
pub fn repairs_left(repairs: &Repairs) -> Option<String> {
    let left = repairs.failed.len() + repairs.unknown.len() + repairs.unreadable.len();
    let artifacts = count(left as u64, "artifact");
    let verb = plural(left as u64, "is", "are");
    (left > 0).then(|| format!("{artifacts} {verb} still corrupt or missing"))
}
