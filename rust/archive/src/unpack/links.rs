//! The symbolic links of an archive: their targets in the tree, and the copies that replace them
//! where links can't be created.

use std::collections::HashMap;

use crate::error::{Error, InvalidArchive};
use crate::unpack::tree::{Node, NodeId, ROOT, Tree};

/// The largest number of links in the resolution of a path. Linux follows 40, and no system more.
const MAX_LINKS: usize = 64;

/// The largest number of path components followed for all links of an archive together. A normal
/// archive needs a few for each link; a hostile one, whose links lead through each other, any
/// number.
const MAX_STEPS: u64 = 100_000_000;

/// The largest number of files and directories copied in place of links, which may lead to
/// directories with more links.
const MAX_COPIES: u64 = 1_000_000;

/// Counts copies, up to [`MAX_COPIES`].
#[derive(Default)]
pub(super) struct CopyBudget(u64);

impl CopyBudget {
    /// Counts one more copy.
    ///
    /// # Errors
    ///
    /// There are too many.
    pub(super) fn take(&mut self) -> Result<(), Error> {
        self.0 += 1;
        if self.0 <= MAX_COPIES {
            return Ok(());
        }
        Err(InvalidArchive::whole("it needs too many copies in place of its links").into())
    }
}

/// The components of a path, without empty ones and `.`.
pub(super) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b"."))
}

/// Represents a slash at the end of a target: the path before it must be a directory.
const IS_DIRECTORY: &[u8] = b"/";

/// The steps of following a target, from last to first.
fn steps(target: &[u8]) -> impl Iterator<Item = &[u8]> {
    let needs_directory = matches!(target, [.., b'/'] | [.., b'/', b'.'] | b".");
    needs_directory.then_some(IS_DIRECTORY).into_iter().chain(components(target).rev())
}

/// Follows links, up to [`MAX_STEPS`].
pub(super) struct Follower<'a> {
    tree: &'a Tree,
    steps_left: u64,
}

impl<'a> Follower<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self { tree, steps_left: MAX_STEPS }
    }

    /// Whether the link `id` leads to a directory of the tree.
    pub(super) fn leads_to_directory(&mut self, id: NodeId) -> Result<bool, Error> {
        let found = self.follow(id)?;
        Ok(found.is_some_and(|id| self.tree.node(id) == Node::Directory))
    }

    /// The file or directory of the tree that the link `id` leads to, through other links.
    ///
    /// `None` if it leads to nothing, to itself, or, at any step, out of the tree. An absolute link
    /// leads out, even if it begins with the path at which the tree is unpacked: that path is not
    /// part of the archive.
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
                    if links == MAX_LINKS || target.starts_with(b"/") {
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
            InvalidArchive::whole("its symbolic links lead through each other too often")
        })?;
        Ok(())
    }
}

/// All links of the tree.
pub(super) fn all(tree: &Tree) -> impl Iterator<Item = NodeId> {
    tree.ids().filter(|id| matches!(tree.node(*id), Node::Symlink(_)))
}

/// The copies that replace links: each link, and the entry to copy. They are ordered such that each
/// entry is complete when it is copied.
///
/// Links that lead to nothing or out of the tree are left out; so are those to a directory that
/// contains them, and directories whose links lead to each other.
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
    // The number of pending copies below each directory.
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
