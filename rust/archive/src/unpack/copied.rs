//! A tree as it is where copies stand in the place of its symbolic links.

use super::links;
use super::tree::{Node, NodeId, ROOT, Tree};
use super::{COPIES_AT_MOST, too_many_copies};
use crate::error::Error;
use crate::record::{Content, TreeRecord};

impl TreeRecord {
    /// Whether the tree has symbolic links.
    pub fn has_links(&self) -> bool {
        self.entries().any(|entry| matches!(entry.content, Content::Symlink { .. }))
    }

    /// What [`Links::Copied`](super::Links::Copied) makes of the tree.
    ///
    /// # Errors
    ///
    /// If that refuses it, since the copies would be too many.
    pub fn with_links_copied(&self) -> Result<Self, Error> {
        let mut tree = tree_of(self);
        let mut copied = 0_u64;
        for (link, source) in links::copies(&tree)? {
            let mut pending = vec![(source, link)];
            while let Some((from, to)) = pending.pop() {
                copied += 1;
                if copied > COPIES_AT_MOST {
                    return Err(too_many_copies());
                }
                tree.replace(to, tree.node(from));
                for child in tree.children(from).collect::<Vec<_>>() {
                    let name = tree.name(child).to_vec();
                    // What it is to be comes when it is its turn.
                    pending.push((child, tree.insert(to, &name, Node::Removed)));
                }
            }
        }
        for id in tree.ids().collect::<Vec<_>>() {
            if matches!(tree.node(id), Node::Symlink(_)) {
                tree.replace(id, Node::Removed);
            }
        }
        Ok(tree.record())
    }
}

fn tree_of(record: &TreeRecord) -> Tree {
    let mut tree = Tree::new();
    for entry in record.entries() {
        let mut components: Vec<_> = links::components(entry.path).collect();
        let Some(name) = components.pop() else { continue };
        let parent =
            components.iter().fold(ROOT, |parent, name| directory(&mut tree, parent, name));
        match entry.content {
            Content::File { executable, size, blob } => {
                let contents = tree.add_contents(size);
                tree.set_blob(contents, blob);
                tree.insert(parent, name, Node::File { contents, executable });
            }
            Content::Symlink { target } => {
                let link = tree.symlink(target);
                tree.insert(parent, name, link);
            }
            Content::EmptyTree => {
                // What makes it count is that there is something in its `.git`.
                let id = directory(&mut tree, parent, name);
                let contents = tree.add_contents(0);
                tree.insert(id, b".git", Node::File { contents, executable: false });
            }
        }
    }
    tree
}

fn directory(tree: &mut Tree, parent: NodeId, name: &[u8]) -> NodeId {
    tree.child(parent, name).unwrap_or_else(|| tree.insert(parent, name, Node::Directory))
}
