//! Symbolic links of an archive: whether they stay in the tree, what they lead to, and which copies
//! stand for them where they can't be made.

use std::collections::HashMap;

use crate::error::{BadArchive, Error};
use crate::unpack::tree::{Node, NodeId, ROOT, Tree};

/// How many links a path may go through. Linux follows 40, and no system more.
const LINKS_AT_MOST: usize = 64;

/// How many components of paths are followed for all links of an archive together. An honest
/// archive needs a few for each link; one whose links lead through each other, to keep us busy,
/// needs any number.
const STEPS_AT_MOST: u64 = 100_000_000;

/// Whether a link at `path` with the text `target` leads out of the tree, as far as the two say by
/// themselves.
pub(super) fn leads_out(path: &[u8], target: &[u8]) -> bool {
    let components = |text| components(text).filter(|component| *component != b".");
    let mut depth = components(path).count() - 1;
    if target.starts_with(b"/") {
        return true;
    }
    for component in components(target) {
        if component != b".." {
            depth += 1;
        } else if depth == 0 {
            return true;
        } else {
            depth -= 1;
        }
    }
    false
}

/// The components of a path, those that say nothing left out.
pub(super) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b"."))
}

/// What a link leads to, through all links on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    /// A file or a directory.
    Found(NodeId),
    /// Nothing, or itself.
    Nothing,
    /// Something outside of the tree.
    Outside,
}

/// Follows links, as long as that is not too many.
struct Follower<'a> {
    tree: &'a Tree,
    steps_left: u64,
}

impl<'a> Follower<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self { tree, steps_left: STEPS_AT_MOST }
    }

    /// What the link `id` leads to.
    fn follow(&mut self, id: NodeId) -> Result<Destination, Error> {
        let Node::Symlink(target) = self.tree.node(id) else {
            return Ok(Destination::Found(id));
        };
        let mut ahead: Vec<&[u8]> = components(self.tree.text(target)).rev().collect();
        let mut at = self.tree.parent(id);
        // How far below `at` we are in directories that are not there.
        let mut missing = 0_usize;
        let mut links = 1;
        while let Some(component) = ahead.pop() {
            self.step()?;
            match component {
                b".." if missing > 0 => missing -= 1,
                b".." if at == ROOT => return Ok(Destination::Outside),
                b".." => at = self.tree.parent(at),
                _ if missing > 0 || self.tree.node(at) != Node::Directory => missing += 1,
                name => match self.tree.child(at, name) {
                    None => missing += 1,
                    Some(child) => match self.tree.node(child) {
                        Node::Symlink(target) if links < LINKS_AT_MOST => {
                            links += 1;
                            ahead.extend(components(self.tree.text(target)).rev());
                        }
                        Node::Symlink(_) => return Ok(Destination::Nothing),
                        _ => at = child,
                    },
                },
            }
        }
        let needs_directory =
            matches!(self.tree.text(target), [.., b'/'] | [.., b'/', b'.'] | b".");
        let is_wrong = needs_directory && self.tree.node(at) != Node::Directory;
        let found = missing == 0 && !is_wrong;
        Ok(if found { Destination::Found(at) } else { Destination::Nothing })
    }

    fn step(&mut self) -> Result<(), Error> {
        self.steps_left = self.steps_left.checked_sub(1).ok_or_else(|| {
            BadArchive::whole("its symbolic links lead through each other too often")
        })?;
        Ok(())
    }
}

fn symlinks(tree: &Tree) -> impl Iterator<Item = NodeId> {
    tree.ids().filter(|id| matches!(tree.node(*id), Node::Symlink(_)))
}

/// Looks whether a link leads out of the tree with the help of other links.
///
/// # Errors
///
/// One does.
pub(super) fn refuse_outward(tree: &Tree) -> Result<(), Error> {
    let mut follower = Follower::new(tree);
    for link in symlinks(tree) {
        if follower.follow(link)? == Destination::Outside {
            let problem = "it leads out of the tree, through other links";
            return Err(BadArchive::entry(&tree.path(link), problem).into());
        }
    }
    Ok(())
}

/// All links, each with whether it leads to a directory.
pub(super) fn all(tree: &Tree) -> Result<Vec<(NodeId, bool)>, Error> {
    let mut follower = Follower::new(tree);
    let mut links = Vec::new();
    for link in symlinks(tree) {
        let to_directory = match follower.follow(link)? {
            Destination::Found(id) => tree.node(id) == Node::Directory,
            Destination::Nothing | Destination::Outside => false,
        };
        links.push((link, to_directory));
    }
    Ok(links)
}

/// The copies that stand for links, in an order in which whatever is copied is complete: each link,
/// and what to copy to its place.
///
/// Links to nothing are left out; so are those to a directory that they are in, and directories
/// whose links lead to each other.
pub(super) fn copies(tree: &Tree) -> Result<Vec<(NodeId, NodeId)>, Error> {
    let mut follower = Follower::new(tree);
    let mut wanted = HashMap::new();
    for link in symlinks(tree) {
        if let Destination::Found(source) = follower.follow(link)?
            && !tree.is_in(link, source)
        {
            wanted.insert(link, source);
        }
    }
    // How many copies have to be made yet below a directory.
    let mut incomplete: HashMap<NodeId, usize> = HashMap::new();
    for link in wanted.keys() {
        for above in tree.above(*link) {
            *incomplete.entry(above).or_default() += 1;
        }
    }
    let mut ready = Vec::new();
    let mut waiting: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    for link in symlinks(tree) {
        let Some(source) = wanted.get(&link) else { continue };
        if incomplete.contains_key(source) {
            waiting.entry(*source).or_default().push(link);
        } else {
            ready.push(link);
        }
    }
    let mut copies = Vec::new();
    while let Some(link) = ready.pop() {
        copies.push((link, wanted[&link]));
        for above in tree.above(link) {
            if let Some(count) = incomplete.get_mut(&above) {
                *count -= 1;
                if *count == 0 {
                    incomplete.remove(&above);
                    ready.extend(waiting.remove(&above).into_iter().flatten());
                }
            }
        }
    }
    Ok(copies)
}
