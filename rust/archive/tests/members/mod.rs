//! Random archives with conflicting members.

use scratchrs_testkit::Random;

use crate::support::{Archive, Raw, pax_record};

/// A path of few names, so that members conflict, in different spellings.
pub(crate) fn path(random: &mut Random) -> String {
    const NAMES: [&str; 10] = ["a", "b", "c", "d", "A", "a", "b", ".git", "é", "long-name"];
    const ODD: [&str; 6] = ["..", ".", "", "a b", "\n", "con"];
    let mut components = Vec::new();
    for _ in 0..1 + random.below(4) {
        let is_odd = random.once_in(40);
        components.push(*random.pick(if is_odd { &ODD[..] } else { &NAMES[..] }));
    }
    let separator = if random.once_in(20) { "//" } else { "/" };
    let mut path = components.join(separator);
    if random.once_in(60) {
        path.insert_str(0, ["/", "./", "../"][random.below(3)]);
    }
    if random.once_in(60) {
        path.push_str(["/", "/.", "/.."][random.below(3)]);
    }
    path
}

/// The target of a link: in the tree, out of it, to nothing, in circles.
fn link_text(random: &mut Random) -> String {
    match random.below(6) {
        0 => (*random.pick(&[
            "/",
            "/etc/passwd",
            "..",
            "../beside/file",
            "../beside",
            "../into",
            ".",
        ]))
        .to_owned(),
        1 => "../".repeat(random.below(5)) + &path(random),
        2 => path(random) + "/",
        _ => path(random),
    }
}

/// An archive with conflicting members.
pub(crate) fn archive(random: &mut Random) -> Archive {
    let mut archive = Archive::new();
    for number in 0..1 + random.below(14) {
        let path = path(random);
        archive = match random.below(12) {
            0..=3 => {
                let length = if random.once_in(20) { 300_000 } else { random.below(600) };
                let mode = *random.pick(&[0o644, 0o755, 0o600, 0o100, 0o4755]);
                archive.file_with_mode(&path, mode, vec![b'a' + number as u8; length])
            }
            4 | 5 => archive.directory(&path),
            6..=8 => archive.link(&path, &link_text(random)),
            9 | 10 => archive.hard_link(&path, &self::path(random)),
            _ => odd_member(random, archive, &path),
        };
    }
    if random.once_in(2) { archive.end() } else { archive }
}

/// A member with extended headers, or with an invalid type or size.
fn odd_member(random: &mut Random, archive: Archive, path: &str) -> Archive {
    match random.below(8) {
        0 => archive.pax("path", path).file("x", "pax"),
        1 => archive.pax("linkpath", link_text(random)).link(path, "x"),
        2 => archive.extension(b'L', format!("{path}\0")).file("x", "gnu"),
        3 => archive.extension(b'K', format!("{}\0", link_text(random))).link(path, "x"),
        4 => archive.pax("size", random.below(600).to_string()).file(path, vec![b's'; 512]),
        5 => archive.extension(b'g', pax_record("comment", path.as_bytes())),
        6 => {
            let levels = if random.once_in(20) { 2500 } else { 60 };
            archive.pax("path", "p/".repeat(random.below(levels)) + path).file("x", "deep")
        }
        _ => {
            let kind = *random.pick(b"0123456789xgLKS\0V");
            let size = random.below(2000) as u64;
            let contents = random.bytes(size as usize);
            let link = *random.pick(&[&b""[..], b"a", b"/x"]);
            let mode = random.number() as u32 & 0o7777;
            archive.raw(&Raw { kind, path: path.as_bytes(), link, mode, size, contents: &contents })
        }
    }
}
