//! Programs for Windows, run by Wine.
//!
//! `cargo xtask test --windows` runs all tests in this way. By hand, `cargo xtask wine` is Cargo for the target
//! `x86_64-pc-windows-gnu`, for any subcommand that builds:
//!
//! ```text
//! cargo xtask wine test -p scratchrs-fs --lib lock
//! cargo xtask wine run -p scratchrs-cli -- status
//! ```
//!
//! It takes Debian's `wine64` and `gcc-mingw-w64-x86-64`, and the [`StandardLibrary`] from source. The state of
//! Wine is in the target directory:
//!
//! ```text
//! target/wine/prefix/   the drive C:, with a `bcryptprimitives.dll` that Wine 8 lacks
//!             run       what Cargo runs a program with
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::console;
use crate::environment::Environment;
use crate::program;
use crate::targets::StandardLibrary;
use crate::test::foreign::{Fault, Runner};

mod results;

use results::Results;

/// The target.
pub(crate) const TARGET: &str = "x86_64-pc-windows-gnu";

/// Where Debian's package has Wine; another package adds a command.
const WINE: &str = "/usr/lib/wine/wine64";
const WINESERVER: &str = "/usr/lib/wine/wineserver64";
const COMPILER: &str = "x86_64-w64-mingw32-gcc";

const DLL: &str = include_str!("wine/bcryptprimitives.c");
const RUNNER: &str = include_str!("wine/run.sh");

/// The variable with the file to which the runner appends what tests print.
const RESULTS: &str = "SCRATCHRS_WINE_RESULTS";

/// Tests that fail by a fault of Wine 8.
const FAULTS_OF_WINE: &[Fault] = &[
    fault("create::tests::an_existing_path_is_an_error_also_if_it_is_a_link", NO_LINKS),
    fault("create::tests::an_obstacle_is_named", NO_LINKS),
    fault("file_id::tests::a_directory_is_the_same_by_any_path", NO_LINKS),
    fault("measure::tests::links_are_told_apart_and_not_followed", NO_LINKS),
    fault("metadata::tests::metadata_describes_a_file", NO_LINKS),
    fault("remove::tests::no_link_is_followed_below_what_is_trusted", NO_LINKS),
    fault("remove::tests::only_the_directory_that_was_staged_is_removed", NO_LINKS),
    fault("usage::tests::a_log_whose_lock_was_broken_is_read_and_changed_again", DELETED_LATE),
    fault("lock::tests::a_lock_that_was_broken_is_not_taken_from_the_next_one", DELETED_LATE),
    fault(
        "remove::tests::a_directory_with_an_open_file_is_removed_whole_or_not_at_all",
        MOVED_OPEN,
    ),
    fault("remove::tests::directories_that_vanish_meanwhile_are_no_error", EACH_WAITS),
    fault("pack::tests::the_stream_is_that_of_tar_jl", NO_LINKS),
    fault("pack::tests::other_machines_give_the_same_bytes", NO_LINKS),
    fault("pack::tests::a_link_as_root_is_followed", NO_LINKS),
    fault("pack::tests::modes_beyond_the_owners_execute_bit_do_not_matter", EXECUTABLE),
    fault("tree_hash::tests::tree_hashes_are_those_of_pkg", EXECUTABLE),
    fault("tree_hash::tests::sha256_is_used_at_all_levels", EXECUTABLE),
    fault("tree_hash::tests::blob_hashes_are_those_of_git", NO_LINKS),
    fault("tree_hash::tests::only_the_owners_execute_bit_counts", EXECUTABLE),
    fault("tree_hash::tests::a_directory_with_files_in_git_counts", EXECUTABLE),
    fault("tree_hash::tests::directories_without_files_are_left_out", EXECUTABLE),
    fault("tree_hash::tests::a_links_length_counts_characters", NO_LINKS),
    fault("tree_hash::tests::the_root_itself_may_be_a_link", NO_LINKS),
    fault("listing::tests::the_purpose_determines_entries_and_order", NO_LINKS),
    fault("link::tests::a_symbolic_link_leads_to_the_file", NO_LINKS),
    fault("mode::tests::this_file_system_keeps_modes", EXECUTABLE),
    fault("access_rights::tests::the_right_to_execute_is_kept", EXECUTABLE),
    fault("a_link_that_is_not_ascii_may_have_gits_hash_or_pkgs", NO_LINKS),
    fault("copies_in_place_of_links_are_not_corruption", NO_LINKS),
    fault("links_are_not_followed", NO_LINKS),
    fault("a_space_may_be_a_link", NO_LINKS),
    fault("directories_of_packages_and_of_all_spaces_may_be_links", NO_LINKS),
    fault("bad_depots::a_link_to_nothing_is_in_the_way", NO_LINKS),
    fault("removal::a_link_is_deleted_without_its_target", NO_LINKS),
    fault("store::a_link_to_nothing_is_not_stored", NO_LINKS),
    fault("a_changed_mode_is_corruption_where_modes_are_kept", EXECUTABLE),
    fault("a_generator_that_lost_its_lock_publishes_nothing", DELETED_LATE),
    fault("one_of_many_generates_for_all", NOT_REPLACED),
    fault("many_that_begin_at_once_generate_once", NOT_REPLACED),
    fault("peers_without_the_lock_tear_nothing", NOT_REPLACED),
    fault("directories_may_vanish_while_they_are_listed", NOT_LISTED),
    fault("items_in_use_survive_two_collectors_and_no_file_is_torn", NOT_LISTED),
    fault("report::an_existing_page_is_replaced_atomically", NOT_REPLACED),
    fault("conflicting_members", EXECUTABLE),
    fault("packed_trees", EXECUTABLE),
    fault("pax_records", EXECUTABLE),
    fault("a_hard_link_has_its_own_mode", EXECUTABLE),
    fault("a_record_finds_changes", EXECUTABLE),
    fault("a_size_in_a_pax_record_counts", EXECUTABLE),
    fault("an_archive_may_end_anywhere", EXECUTABLE),
    fault("every_kind_of_entry", EXECUTABLE),
    fault("hard_links_are_copies", EXECUTABLE),
    fault("later_entries_replace_earlier_ones", EXECUTABLE),
    fault("links_can_be_replaced_by_copies", EXECUTABLE),
    fault("only_the_owners_execute_bit_counts", EXECUTABLE),
    fault("damaged_archives_are_harmless", EXECUTABLE),
    fault("damaged_headers", NO_LINKS),
    fault("links_that_lead_out_are_data", NO_LINKS),
    fault("nothing_is_written_through_a_link", NO_LINKS),
    fault("nothing_outside_is_copied", NO_LINKS),
    fault("a_link_to_a_directory_above_is_a_link", NO_LINKS),
    fault("a_lost_record_of_a_tree_is_read_from_the_tree", NO_LINKS),
    fault("a_store_of_ohmyartifacts_is_read_and_adopted", NO_LINKS),
    fault("a_tree_that_is_linked_in_another_way_is_linked_anew_where_it_is_demanded", NO_LINKS),
    fault("what_cannot_be_stored_is_refused_and_leaves_nothing", NO_LINKS),
    fault("trees_keep_their_executable_bits", EXECUTABLE),
    fault("a_tree_may_be_deeper_than_paths_are_long", SHORT_PATHS),
];

const fn fault(test: &'static str, why: &'static str) -> Fault {
    Fault { test, why }
}

const NO_LINKS: &str = "Wine 8 creates no symbolic link, and says that it did";
const EXECUTABLE: &str = "Wine 8 lets the owner execute every file";
const DELETED_LATE: &str =
    "Wine 8 deletes an open file when it is closed, and Windows at once since version 10";
/// Seen in the calls of its server, and in what is left on the disk: all four threads are in the innermost directories,
/// and one level goes away in about a minute.
const EACH_WAITS: &str = "Wine 8 deletes a directory when it is closed; threads that delete the same tree wait for each other on each of its \
     levels, for more than ten minutes";
const NOT_REPLACED: &str =
    "Wine 8 replaces no file that is open, and Windows does since version 10";
const SHORT_PATHS: &str = "Wine 8 passes a path to Linux as a whole, so that it has at most 4,096 bytes, and in Windows 32,767";
const NOT_LISTED: &str =
    "Wine 8 lists no directory that another process has open to delete it, and Windows does";
const MOVED_OPEN: &str =
    "Wine 8 renames a directory with an open file in it, which Windows refuses";

/// The arguments of `cargo xtask wine`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The arguments of Cargo.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    cargo: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let wine = Wine::install(environment)?;
    let mut cargo = wine.cargo(environment, &arguments.cargo[0]);
    cargo.args(&arguments.cargo[1..]);
    program::run(cargo)
}

/// Wine with a drive of its own, and what builds for it.
pub(crate) struct Wine {
    standard_library: StandardLibrary,
    folder: PathBuf,
}

impl Wine {
    /// Prepares it in the target directory.
    pub(crate) fn install(environment: &Environment) -> Result<Self> {
        let missing = |path: &&str| !is_command(&environment.path, path);
        let missing: Vec<_> = [WINE, WINESERVER, COMPILER].into_iter().filter(missing).collect();
        ensure!(missing.is_empty(), "{} missing", missing.join(", "));
        let standard_library = StandardLibrary::install(environment)?;
        let wine = Self { standard_library, folder: environment.target.join("wine") };
        wine.set_up().context("could not set up Wine")?;
        Ok(wine)
    }

    fn set_up(&self) -> Result<()> {
        scratchrs_fs::create_dir_all(&self.folder)?;
        let folder = self.folder.to_str().context("the path is not Unicode")?;
        let prefix = self.prefix();
        let runner = RUNNER
            .replace("@FOLDER@", folder)
            .replace("@PREFIX@", prefix.to_str().context("the path is not Unicode")?)
            .replace("@WINE@", WINE);
        fs::write(self.runner(), runner)?;
        scratchrs_fs::set_executable(&self.runner(), true)?;
        let library = prefix.join("drive_c/windows/system32/bcryptprimitives.dll");
        if library.exists() {
            return Ok(());
        }
        console::status("Creating", "a drive for Wine");
        let mut boot = Command::new(self.runner());
        boot.args(["wineboot", "--init"]);
        program::run(boot)?;
        self.server("--wait")?;
        let source = self.folder.join("bcryptprimitives.c");
        fs::write(&source, DLL)?;
        let mut compiler = Command::new(COMPILER);
        compiler.args(["-shared", "-O2", "-o"]).arg(&library).arg(&source).arg("-ladvapi32");
        program::run(compiler)
    }

    fn prefix(&self) -> PathBuf {
        self.folder.join("prefix")
    }

    fn runner(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Calls Wine's server, which all programs of a prefix share.
    fn server(&self, option: &str) -> Result<()> {
        let mut server = Command::new(WINESERVER);
        server.arg(option).env("WINEPREFIX", self.prefix()).stdout(Stdio::null());
        program::run(server)
    }
}

impl Runner for Wine {
    /// The programs that Cargo runs are run by Wine.
    fn cargo(&self, environment: &Environment, subcommand: &str) -> Command {
        let mut cargo = environment.cargo([subcommand, "--target", TARGET]);
        self.standard_library.build_with(&mut cargo);
        cargo
            // Programs and build scripts of the host are the same as those of the lints.
            .arg("--target-dir")
            .arg(environment.target.join("targets"))
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", self.runner())
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", COMPILER)
            // The home is on the drive, and so is the depot.
            .env_remove("JULIA_DEPOT_PATH");
        cargo
    }

    fn faults(&self) -> &'static [Fault] {
        FAULTS_OF_WINE
    }

    /// Counts the results, too.
    fn attend(&self, mut test: Command, run: impl FnOnce(Command) -> Result<()>) -> Result<()> {
        let results = self.folder.join("results.txt");
        fs::write(&results, "")?;
        test.env(RESULTS, &results);
        // It would refuse to start beside one that a killed run has left.
        let _ = self.server("--kill");
        self.server("--persistent")?;
        let outcome = run(test);
        let stopped = self.server("--kill");
        console::status("Ran", format_args!("tests for Windows: {}", Results::read(&results)?));
        outcome.and(stopped)
    }
}

/// Whether `name` is a command in `path`, or the path of one.
fn is_command(path: &std::ffi::OsStr, name: &str) -> bool {
    std::env::split_paths(path).any(|directory| directory.join(Path::new(name)).is_file())
}
