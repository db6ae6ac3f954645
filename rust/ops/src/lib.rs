//! The operations that Julia calls.
//!
//! [`operations!`] is their list. The bindings `scratchrs-capi` and `scratchrs-jlrs` each expand it with their
//! own macro, and `cargo xtask gen` writes the Julia functions, the C header and the reference from
//! [`OPERATIONS`]. So an operation is added in two places: here, and in the Julia function that calls it.
//!
//! # Kinds
//!
//! - `short`: a plain call.
//! - `waits`: may wait for other processes for up to [`LOCK_TIMEOUT`]. If the binding can, it lets Julia's
//!   garbage collector run in that time.
//! - `job`: runs on a thread of its own ([`Job`]) while Julia's scheduler continues. It reports to a
//!   [`Progress`](scratchrs_fs::Progress), which an interrupt cancels.
//! - `deletion`: runs on such a thread, too. An interrupt ends the waiting, not the deletion: the item was
//!   renamed first, and half of it has no use.

mod abi;
mod argument;
mod debug;
mod fork;
mod job;
mod operation;
mod panics;
mod record;
pub mod replies;
mod reply;
mod shape;
mod table;

use schemars::{Schema, SchemaGenerator};

pub use abi::ABI;
pub use argument::{
    Argument, Binary, Flag, Number, OptionalText, Text, Texts, Ticket, Uuid, optional, text,
};
pub use job::{Job, JobProgress, Notify, end_jobs};
pub use operation::artifact::*;
pub use operation::content::*;
pub use operation::document::*;
pub use operation::gc::*;
pub use operation::health::*;
pub use operation::install::*;
pub use operation::render::*;
pub use operation::scratch::*;
pub use operation::store::*;
pub use operation::usage::*;
pub use operation::{LOCK_TIMEOUT, panic, rehearse};
pub use record::ErrorRecord;
pub use reply::{Outcome, attempt, call, encode};
pub use shape::{Shape, Shapes, current_abi};

/// Expands `$emit` with the list of operations.
///
/// Arguments are [`Text`], [`OptionalText`], [`Texts`], [`Binary`], [`Uuid`], [`Flag`], [`Number`]
/// and [`Ticket`]. A reply is a type of [`replies`], which [`encode`] turns into bytes.
#[macro_export]
macro_rules! operations {
    ($emit:ident) => {
        $emit! {
            /// The directory of a scratch space, which is created if it is missing. Here and below,
            /// `directory` replaces the `scratchspaces` of the depot, or the artifacts of all depots.
            short get_scratch(
                depot: Text, directory: OptionalText, owner: Uuid, key: Text
            ) -> Text;
            /// Logs that a project uses a scratch space.
            waits track_access(depot: Text, space: Text, project: Text) -> Tracked;
            /// Reduces the usage log of scratch spaces to one record for each space. Returns the
            /// problems of invalid records, which are removed.
            waits condense_usage(depot: Text) -> Texts;
            /// Deletes a scratch space.
            deletion delete_scratch(
                depot: Text, directory: OptionalText, owner: Uuid, key: Text
            ) -> Unit;
            /// Deletes all scratch spaces of a package, or of all packages.
            deletion clear_scratch(
                depot: Text, directory: OptionalText, owner: Uuid, all: Flag
            ) -> Unit;
            /// Requests a scratch space that a generator fills. If it is `begun`, `path` is the
            /// directory to fill.
            short begin_generation(
                depot: Text, directory: OptionalText, owner: Uuid, key: Text, version: Text,
                versioned: Flag
            ) -> Availability;
            /// Renames the filled directory to the space, and returns the path of the space.
            short publish_generation(ticket: Ticket) -> Text;
            /// Deletes the directory. The space is unchanged.
            short abandon_generation(ticket: Ticket) -> Unit;
            /// The UUID in a project file.
            short project_uuid(file: Text) -> OptionalText;
            /// The content of a TOML file, or nil if it is missing.
            short read_toml(file: Text) -> OptionalTable;
            /// The overrides of artifacts in the `Overrides.toml` files of depots, or in that of a
            /// directory.
            short read_overrides(depots: Texts, directory: OptionalText) -> Overrides;
            /// Chooses the best of several platforms for a host. The host is tags and values in
            /// turns; each platform is an empty text, and then the same.
            short choose_platform(host: Texts, platforms: Texts) -> PlatformChoice;
            /// The directory of the store.
            short store_root(depot: Text, directory: OptionalText) -> Text;
            /// The directory of the store of OhMyArtifacts.jl.
            short peer_store_root(depot: Text, directory: OptionalText) -> Text;
            /// Opens the file of bindings of a package, or of a version of it, and creates it if it
            /// is missing. `project` is the project file that the use is logged for.
            waits open_store(
                depot: Text, directory: OptionalText, package: Uuid, version: Text,
                versioned: Flag, project: OptionalText
            ) -> Opened;
            /// Begins to create contents for the store.
            waits begin_creation(depot: Text, directory: OptionalText) -> Begun;
            /// Stores the content of the filled directory: all of it, or the path `returned`.
            job finish_creation(
                ticket: Ticket, returned: Text, is_whole: Flag, link_mode: OptionalText
            ) -> Created;
            /// Stores a small file at once. Returns nil if `returned` is anything else.
            waits finish_small_creation(ticket: Ticket, returned: Text) -> OptionalCreated;
            /// Deletes the directory.
            short abandon_creation(ticket: Ticket) -> Unit;
            /// Deletes the files of this process in the stores for which it has created contents.
            short end_store_session() -> Unit;
            /// Binds a name to a hash. `metadata` is a TOML document with the key `meta`.
            waits bind_my_artifact(
                depot: Text, directory: OptionalText, file: Text, name: Text, hash: Text,
                metadata: OptionalText, force: Flag
            ) -> Bound;
            /// Removes names from a file of bindings.
            waits unbind_my_artifact(
                depot: Text, directory: OptionalText, file: Text, names: Texts
            ) -> Unit;
            /// The hash that a name is bound to.
            short my_artifact_hash(file: Text, name: Text) -> OptionalSha256;
            /// The path of a hash in the store, whether it exists or not.
            short my_artifact_path(depot: Text, directory: OptionalText, hash: Text) -> Address;
            /// The usage of the store, as its usage log has it.
            waits store_usage(depot: Text, directory: OptionalText) -> Table;
            /// Deletes unused contents from the store.
            job collect_store(
                depot: Text, directory: OptionalText, delay: Text, is_dry_run: Flag,
                spares_own: Flag
            ) -> Collected;
            /// The content of the store, or of the one at `root`.
            job store_status(depot: Text, directory: OptionalText, root: OptionalText) -> StoreStatus;
            /// Verifies the contents of the store, or of the one at `root`.
            job verify_store(depot: Text, directory: OptionalText, root: OptionalText) -> Verified;
            /// Imports everything that is bound in another store.
            job adopt_store(depot: Text, directory: OptionalText, other: Text) -> Adopted;
            /// The chosen mode of linking files of trees in the store; nil for the best one that the file
            /// system supports.
            short store_link(depot: Text, directory: OptionalText) -> OptionalLinkMode;
            /// Chooses that mode.
            short set_store_link(
                depot: Text, directory: OptionalText, link_mode: OptionalText
            ) -> Unit;
            /// Binds a name to an artifact in a file. A platform is tags and values in turns, or nothing;
            /// a download is its URL, hash and size, which is 0 if it is unknown. Returns the problems
            /// of invalid records, which are removed from the usage log.
            waits bind_artifact(
                depots: Texts, file: Text, name: Text, hash: Text, platform: Texts,
                downloads: Texts, with_downloads: Flag, lazy: Flag, force: Flag
            ) -> Texts;
            /// Removes the binding of a name from a file, or its entry for one platform.
            waits unbind_artifact(file: Text, name: Text, platform: Texts) -> Unit;
            /// Begins to create an artifact.
            short begin_artifact(depots: Texts, directory: OptionalText) -> Begun;
            /// Installs the filled directory as an artifact, and returns its hash.
            job publish_artifact(ticket: Ticket) -> Text;
            /// Deletes the directory.
            short abandon_artifact(ticket: Ticket) -> Unit;
            /// Deletes an artifact from all depots.
            deletion remove_artifact(
                depots: Texts, directory: OptionalText, hash: Text
            ) -> Unit;
            /// Hashes the directory of an artifact. Returns nil if the hash matches.
            job verify_tree(path: Text, hash: Text) -> OptionalCorruptArtifact;
            /// Hashes all artifacts.
            job verify_artifacts(depots: Texts, directory: OptionalText) -> Verification;
            /// Installs corrupt artifacts again, and missing ones that files bind for a platform.
            job repair_artifacts(
                depots: Texts, directory: OptionalText, files: Texts, platform: Texts,
                session: Texts
            ) -> Repairs;
            /// The files that bind an artifact: those in the usage logs, and those of `more`.
            short artifact_usage(depots: Texts, hash: Text, more: Texts) -> BindingFiles;
            /// Packs a directory as a tarball.
            job archive_tree(path: Text, tarball: Text) -> Packed;
            /// Fails if the entry of a name for a platform is invalid in a file, with its place; without a
            /// platform, if any entry of the name is.
            short check_binding(file: Text, name: Text, platform: Texts) -> Unit;
            /// Checks the sources of an artifact. Each has three texts, for its URL, hash and size: an
            /// empty text if it is missing, `s` and a string, `i` and an integer, or `o` and the
            /// name of another type. Fails if there are invalid sources only.
            short read_downloads(
                name: Text, hash: Text, downloads: Texts, file: OptionalText
            ) -> Sources;
            /// Downloads and installs an artifact, unless it is installed. Downloads are as for
            /// `read_downloads`. A session is the version of Julia, its platform, whether it is interactive,
            /// and names and values of environment variables in turns.
            job install_artifact(
                depots: Texts, directory: OptionalText, name: Text, hash: Text, downloads: Texts,
                file: OptionalText, with_server: Flag, session: Texts
            ) -> Installed;
            /// Finds an artifact, which no collection deletes in the next ten minutes. Logs once a day
            /// that the file which binds it is in use.
            waits use_artifact(
                depots: Texts, directory: OptionalText, hash: Text, file: OptionalText
            ) -> Availability;
            /// Begins to install an artifact that the caller downloads. If it is `begun`, `path` is the
            /// file for the tarball.
            waits begin_install(
                depots: Texts, directory: OptionalText, hash: Text
            ) -> Availability;
            /// Installs the artifact from the tarball, whose hash may be known.
            job finish_install(
                ticket: Ticket, name: Text, sha256: OptionalText, session: Texts
            ) -> Installed;
            /// Ends an installation. Its download stays for the next one.
            short abandon_install(ticket: Ticket) -> Unit;
            /// Downloads into a file, replacing an existing one.
            job download_file(url: Text, path: Text, session: Texts) -> Unit;
            /// Unpacks a tarball into a directory that is missing or empty.
            job unpack_tarball(tarball: Text, directory: Text, session: Texts) -> Unit;
            /// The SHA-256 of a file.
            job file_sha256(path: Text) -> Text;
            /// The hash of a directory as git computes it, by SHA-1 or SHA-256.
            job tree_hash(path: Text, sha256: Flag) -> Text;
            /// The hash of a file as git computes it, by SHA-1 or SHA-256.
            job blob_hash(path: Text, sha256: Flag) -> Text;
            /// Deletes unreachable items from depots, or reports which would be. Durations and sizes have units, or
            /// are 0. Roots to ignore count as missing.
            job collect_depots(
                depots: Texts, delay: Text, period: OptionalText,
                max_size: OptionalText, all_depots: Flag, evict_in_use: Flag, is_dry_run: Flag, ignore_roots: Texts
            ) -> Report;
            /// The items of depots, with their sizes and references.
            job depot_status(depots: Texts, all_depots: Flag, ignore_roots: Texts) -> Status;
            /// The references of the items that a query names.
            job explain_item(depots: Texts, query: Text, ignore_roots: Texts) -> Explained;
            /// An encoded `Report`, `Status`, `Explained` or `StoreStatus` as text for people; its kind is the
            /// name of that type. The width is that of the terminal, 0 if there is none.
            short render(
                kind: Text, reply: Binary, width: Number, has_colour: Flag, is_verbose: Flag,
                home: OptionalText
            ) -> Text;
            /// Panics. For tests of the errors that panics become.
            short panic() -> Unit;
            /// Passes through stages, each in a number of steps of 10 ms, without doing anything, and
            /// returns the stages. For tests of how jobs are shown and ended.
            job rehearse(stages: Texts, steps: Number) -> Texts;
        }
    };
}

/// The description of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// `short`, `waits`, `job` or `deletion`.
    pub kind: &'static str,
    /// The name, the same in every layer.
    pub name: &'static str,
    /// Names and types of the arguments.
    pub arguments: &'static [(&'static str, &'static str)],
    /// The type of the reply, by its name in [`replies`].
    pub reply: &'static str,
    /// The schema of that type.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// What it does.
    pub documentation: &'static str,
}

macro_rules! describe {
    ($($(#[doc = $line:literal])* $kind:ident $name:ident($($argument:ident: $type:ident),*) -> $reply:ident;)*) => {
        /// The list as data.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            kind: stringify!($kind),
            name: stringify!($name),
            arguments: &[$((stringify!($argument), stringify!($type))),*],
            reply: stringify!($reply),
            schema: SchemaGenerator::subschema_for::<replies::$reply>,
            documentation: concat!($($line),*),
        }),*];
    };
}
operations!(describe);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_abi_is_that_of_the_replies_and_arguments() {
        assert_eq!(ABI, current_abi(), "run `cargo xtask gen`");
    }

    #[test]
    fn the_list_is_what_the_bindings_can_express() {
        for operation in OPERATIONS {
            let kinds = ["short", "waits", "job", "deletion"];
            assert!(kinds.contains(&operation.kind), "{operation:?}");
            assert!(!operation.documentation.is_empty(), "{operation:?}");
            for (_, r#type) in operation.arguments {
                let types =
                    ["Text", "OptionalText", "Texts", "Binary", "Uuid", "Flag", "Number", "Ticket"];
                assert!(types.contains(r#type), "{operation:?}");
            }
        }
    }
}
