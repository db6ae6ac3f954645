//! The rules of Tar.jl 1.10, as an independent implementation over a map of paths. Links are only
//! texts here, and no file is written.

use std::collections::BTreeMap;

/// The result of Tar.jl.
#[derive(Debug)]
pub(crate) enum Expected {
    /// The tree, described as by `support::described`.
    Tree(Vec<String>),
    /// An error, or a refusal by one of our stricter rules.
    Refused,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Directory,
    File(Vec<u8>),
    Link(String),
}

struct Header {
    path: Vec<u8>,
    kind: u8,
    size: u64,
    link: Vec<u8>,
}

struct Reader<'a>(&'a [u8]);

/// An error of Tar.jl, or a refusal by one of the stricter rules in `docs/formats.md`.
struct Refused;

type Result<T> = std::result::Result<T, Refused>;

pub(crate) fn expected(bytes: &[u8]) -> Expected {
    match extract(bytes) {
        Ok(tree) => Expected::Tree(described(&tree)),
        Err(Refused) => Expected::Refused,
    }
}

fn described(tree: &BTreeMap<String, Node>) -> Vec<String> {
    let mut lines: Vec<_> = tree
        .iter()
        .map(|(path, node)| match node {
            Node::Directory => format!("{path}/"),
            Node::File(contents) => format!("{path}: {}", String::from_utf8_lossy(contents)),
            Node::Link(target) => format!("{path} -> {target}"),
        })
        .collect();
    lines.sort();
    lines
}

/// `read_tarball` and the callback of `extract_tarball`.
fn extract(bytes: &[u8]) -> Result<BTreeMap<String, Node>> {
    if bytes.is_empty() {
        return Err(Refused); // Ours: it contains no data.
    }
    let mut reader = Reader(bytes);
    // Tar.jl's table of paths. It keeps the entries of a replaced directory.
    let mut paths: BTreeMap<String, Node> = BTreeMap::new();
    let mut disk: BTreeMap<String, Node> = BTreeMap::new();
    while !reader.0.is_empty() {
        let Some(header) = reader.header()? else {
            // Ours: only zeros may follow.
            return if reader.0.iter().all(|byte| *byte == 0) { Ok(disk) } else { Err(Refused) };
        };
        check(&header)?;
        let path = normal(&header.path)?;
        let is_link = |path: &str| matches!(paths.get(path), Some(Node::Link(_)));
        if above(&path).any(is_link) {
            return Err(Refused);
        }
        let link = String::from_utf8(header.link.clone()).map_err(|_| Refused)?;
        let contents = reader.contents(header.size)?;
        let node = match header.kind {
            b'5' => Node::Directory,
            b'2' => Node::Link(link),
            b'1' => {
                let target = normal(&header.link)?;
                // Its path is in the table, and it must be on disk.
                match (paths.get(&target), disk.get(&target)) {
                    (Some(Node::File(_)), Some(Node::File(contents))) => {
                        Node::File(contents.clone())
                    }
                    _ => return Err(Refused),
                }
            }
            _ => Node::File(contents.to_vec()),
        };
        // A hard link that removes its own target.
        if header.kind == b'1' {
            let target = normal(&header.link)?;
            let removed = above(&target).any(|prefix| prefix == path)
                || above(&path).any(|prefix| prefix == target);
            if removed {
                return Err(Refused);
            }
        }
        if path.is_empty() {
            continue;
        }
        paths.insert(path.clone(), node_of(&header, &node));
        put(&mut disk, path, node);
    }
    Ok(disk)
}

/// A hard link is recorded as one, and cannot be the target of another.
fn node_of(header: &Header, node: &Node) -> Node {
    if header.kind == b'1' { Node::Directory } else { node.clone() }
}

fn put(disk: &mut BTreeMap<String, Node>, path: String, node: Node) {
    for prefix in above(&path) {
        if disk.get(prefix) != Some(&Node::Directory) {
            disk.insert(prefix.to_owned(), Node::Directory);
        }
    }
    if disk.get(&path) == Some(&Node::Directory) && node == Node::Directory {
        return;
    }
    let below = format!("{path}/");
    disk.retain(|other, _| !other.starts_with(&below));
    disk.insert(path, node);
}

/// The directories above a path, without the root.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// A path without empty components.
fn normal(path: &[u8]) -> Result<String> {
    let path = String::from_utf8(path.to_vec()).map_err(|_| Refused)?;
    let components = path.split('/').filter(|component| !matches!(*component, "" | "."));
    Ok(components.collect::<Vec<_>>().join("/"))
}

fn has_up(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|component| component == b"..")
}

/// `check_header`, and our limits on sizes.
fn check(header: &Header) -> Result<()> {
    let Header { path, kind, size, link } = header;
    let is_link = matches!(kind, b'1' | b'2');
    let is_directory = *kind == b'5';
    let refused = path.is_empty()
        || path.contains(&0)
        || link.contains(&0)
        || path[0] == b'/'
        || has_up(path)
        || !matches!(kind, b'0' | 0 | b'1' | b'2' | b'5')
        || is_link == link.is_empty()
        || (is_link || is_directory) && *size != 0
        || *kind == b'1' && (link[0] == b'/' || has_up(link))
        || !is_directory && (path.ends_with(b"/") || path == b"." || path.ends_with(b"/."))
        || path.len() > 3900
        || path.split(|byte| *byte == b'/').any(|name| name.len() > 255)
        || *kind == b'2' && link.len() > 4000
        || *size > 10 << 20;
    if refused { Err(Refused) } else { Ok(()) }
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Refused)?;
        self.0 = rest;
        Ok(taken)
    }

    fn contents(&mut self, size: u64) -> Result<&'a [u8]> {
        let size = usize::try_from(size).map_err(|_| Refused)?;
        Ok(&self.take(size.next_multiple_of(512))?[..size])
    }

    /// `read_standard_header`; `None` at the end.
    fn standard(&mut self) -> Result<Option<(Header, u64)>> {
        let block = self.take(512)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let version = text(&block[263..265]);
        if !version.iter().skip_while(|byte| **byte == b'0').all(|byte| *byte == b' ') {
            return Err(Refused);
        }
        let sum: u64 = block.iter().copied().map(u64::from).sum();
        let field: u64 = block[148..156].iter().copied().map(u64::from).sum();
        if number(&block[148..156])? != sum - field + 8 * 32 {
            return Err(Refused);
        }
        let size = match &block[124..136] {
            [0x80, high @ .., _, _, _, _, _, _, _, _] if high.iter().any(|byte| *byte != 0) => {
                return Err(Refused);
            }
            [0x80, .., a, b, c, d, e, f, g, h] => {
                u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])
            }
            field if field[0] & 0x80 != 0 => return Err(Refused),
            field => number(field)?,
        };
        let mode = number(&block[100..108])?;
        if mode > u64::from(u16::MAX) || !block[156].is_ascii() {
            return Err(Refused);
        }
        let (name, prefix) = (text(&block[..100]), text(&block[345..500]));
        let path = if prefix.is_empty() { name.to_owned() } else { [prefix, b"/", name].concat() };
        // Ours: GNU uses the field of the prefix for times.
        if !prefix.is_empty() && &block[257..263] == b"ustar " {
            return Err(Refused);
        }
        let link = text(&block[157..257]).to_owned();
        Ok(Some((Header { path, kind: block[156], size, link }, size)))
    }

    /// `read_header`.
    fn header(&mut self) -> Result<Option<Header>> {
        let Some((mut header, _)) = self.standard()? else { return Ok(None) };
        let (mut path, mut link, mut size) = (None, None, None);
        loop {
            match header.kind {
                b'x' | b'g' => {
                    let is_global = header.kind == b'g';
                    for (key, value) in self.pax(header.size)? {
                        let field = match &key[..] {
                            b"path" => &mut path,
                            b"linkpath" => &mut link,
                            b"size" => &mut size,
                            // Ours: no sparse files.
                            key if key.starts_with(b"GNU.sparse.") => return Err(Refused),
                            _ => continue,
                        };
                        // Ours: not for all following members.
                        if is_global {
                            return Err(Refused);
                        }
                        *field = Some(value);
                    }
                }
                b'L' | b'K' if header.path == b"././@LongLink" => {
                    let [data @ .., 0] = self.contents(header.size)? else { return Err(Refused) };
                    // Ours: it ends at the first zero.
                    if data.contains(&0) {
                        return Err(Refused);
                    }
                    *(if header.kind == b'L' { &mut path } else { &mut link }) =
                        Some(data.to_vec());
                }
                _ => break,
            }
            (header, _) = self.standard()?.ok_or(Refused)?;
        }
        if let Some(size) = size {
            let digits = String::from_utf8(size).map_err(|_| Refused)?;
            // Ours: decimal only.
            header.size = digits.trim().parse().map_err(|_| Refused)?;
        }
        header.path = path.unwrap_or(header.path);
        header.link = link.unwrap_or(header.link);
        Ok(Some(header))
    }

    /// `read_extended_metadata`.
    fn pax(&mut self, size: u64) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut data = self.contents(size)?;
        let mut records = Vec::new();
        while !data.is_empty() {
            let space = data.iter().position(|byte| *byte == b' ').ok_or(Refused)?;
            let digits = std::str::from_utf8(&data[..space]).map_err(|_| Refused)?;
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Refused);
            }
            let length: usize = digits.parse().map_err(|_| Refused)?;
            let record = data.get(space + 1..length).ok_or(Refused)?;
            let [record @ .., b'\n'] = record else { return Err(Refused) };
            let equals = record.iter().position(|byte| *byte == b'=').ok_or(Refused)?;
            records.push((record[..equals].to_vec(), record[equals + 1..].to_vec()));
            data = &data[length..];
        }
        Ok(records)
    }
}

/// `read_header_str`.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap()
}

/// `read_header_int`.
fn number(field: &[u8]) -> Result<u64> {
    let (mut number, mut before) = (0_u64, true);
    for byte in field {
        match byte {
            b' ' if before => continue,
            0 | b' ' => break,
            b'0'..=b'7' if number < 1 << 58 => number = number << 3 | u64::from(byte - b'0'),
            _ => return Err(Refused),
        }
        before = false;
    }
    if before { Err(Refused) } else { Ok(number) }
}
