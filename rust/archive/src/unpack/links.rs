//! Symbolic links of an archive: what they lead to in the tree, and which copies stand for them where
//! they can't be made.

use std::collections::HashMap;

use crate::error::{BadArchive, Error};
use crate::unpack::tree::{Node, NodeId, ROOT, Tree};

/// How many links a path may go through. Linux follows 40, and no system more.
const LINKS_AT_MOST: usize = 64;

/// How many components of paths are followed for all links of an archive together. An honest
/// archive needs a few for each link; one whose links lead through each other, to keep us busy,
/// needs any number.
const STEPS_AT_MOST: u64 = 100_000_000;

/// The components of a path, those that say nothing left out.
pub(super) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b"."))
}

/// Stands for a slash at the end of a link's text: what is before it has to be a directory.
const IS_DIRECTORY: &[u8] = b"/";

/// What has to be followed for the text of a link, from its end to its beginning.
fn steps(target: &[u8]) -> impl Iterator<Item = &[u8]> {
    let needs_directory = matches!(target, [.., b'/'] | [.., b'/', b'.'] | b".");
    needs_directory.then_some(IS_DIRECTORY).into_iter().chain(components(target).rev())
}

/// Follows links, as long as that is not too many.
pub(super) struct Follower<'a> {
    tree: &'a Tree,
    steps_left: u64,
}

impl<'a> Follower<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self { tree, steps_left: STEPS_AT_MOST }
    }

    /// Whether the link `id` leads to a directory of the tree.
    pub(super) fn leads_to_directory(&mut self, id: NodeId) -> Result<bool, Error> {
        let found = self.follow(id)?;
        Ok(found.is_some_and(|id| self.tree.node(id) == Node::Directory))
    }

    /// The file or directory of the tree that the link `id` leads to, through all links on its way.
    ///
    /// `None` if there is none: it leads to nothing, to itself, or, at whatever point of its way, out
    /// of the tree. An absolute link leads out, also where its text begins with the path at which
    /// the tree is unpacked: that path is not in the archive.
    fn follow(&mut self, id: NodeId) -> Result<Option<NodeId>, Error> {
        let Node::Symlink(target) = self.tree.node(id) else { return Ok(Some(id)) };
        let target = self.tree.text(target);
        if target.starts_with(b"/") {
            return Ok(None);
        }
        let mut ahead: Vec<&[u8]> = steps(target).collect();
        let mut at = self.tree.parent(id);
        let mut links = 1;
        while let Some(component) = ahead.pop() {
            self.step()?;
            if component == IS_DIRECTORY {
                if self.tree.node(at) != Node::Directory {
                    return Ok(None);
                }
                continue;
            }
            if component == b".." {
                if at == ROOT {
                    return Ok(None);
                }
                at = self.tree.parent(at);
                continue;
            }
            let Some(child) = self.tree.child(at, component) else { return Ok(None) };
            match self.tree.node(child) {
                Node::Symlink(target) => {
                    let target = self.tree.text(target);
                    if links == LINKS_AT_MOST || target.starts_with(b"/") {
                        return Ok(None);
                    }
                    links += 1;
                    ahead.extend(steps(target));
                }
                _ => at = child,
            }
        }
        Ok(Some(at))
    }

    fn step(&mut self) -> Result<(), Error> {
        self.steps_left = self.steps_left.checked_sub(1).ok_or_else(|| {
            BadArchive::whole("its symbolic links lead through each other too often")
        })?;
        Ok(())
    }
}

/// All links of the tree.
pub(super) fn all(tree: &Tree) -> impl Iterator<Item = NodeId> {
    tree.ids().filter(|id| matches!(tree.node(*id), Node::Symlink(_)))
}

/// The copies that stand for links, in an order in which whatever is copied is complete: each link,
/// and what to copy to its place.
///
/// Links that lead to nothing or out of the tree are left out; so are those to a directory that they
/// are in, and directories whose links lead to each other.
pub(super) fn copies(tree: &Tree) -> Result<Vec<(NodeId, NodeId)>, Error> {
    let mut follower = Follower::new(tree);
    let mut wanted = HashMap::new();
    for link in all(tree) {
        if let Some(source) = follower.follow(link)?
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
    for link in all(tree) {
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
