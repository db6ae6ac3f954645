//! `scratchrs artifact install` and `repair`, with a server on this machine.

use std::fs;
#[cfg(unix)]
use std::io::{Read, Write};
#[cfg(unix)]
use std::process::{Command, Stdio};

use scratchrs_testkit::server::Server;
use serde_json::{Value, json};

#[cfg(unix)]
use crate::lab::skip;
use crate::lab::{Lab, Run, json};

/// A lab with a server that has two artifacts, `iris` and `tool`, and a file that binds them; the
/// second lazily.
struct Scene {
    lab: Lab,
    server: Server,
    iris: String,
    tool: String,
}

impl Scene {
    fn new() -> Self {
        let mut lab = Lab::new();
        // No server but the test's is asked.
        lab.set("JULIA_PKG_SERVER", "");
        // More than comes at once, and that no compression makes small.
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        lab.write("trees/iris/noise", noise.take(300_000).collect::<Vec<u8>>());
        lab.write("trees/tool/run", "#!/bin/sh\n");
        fs::create_dir(lab.path("served")).unwrap();
        fs::create_dir(lab.path("served/artifact")).unwrap();
        let server = Server::start(&lab.path("served"));
        let mut hashes = ["iris", "tool"].map(|name| {
            let depot = ["--depot", "[ROOT]/maker"];
            let tree = format!("trees/{name}");
            let run = lab.run(&[&["artifact", "create", &tree], &depot[..]].concat());
            let hash = run.stdout.trim().to_owned();
            let tarball = format!("served/{name}.tar.gz");
            let run = lab.run(&[&["artifact", "archive", &hash, &tarball], &depot[..]].concat());
            assert_eq!(run.code, 0, "{run:?}");
            hash
        });
        let scene = Self {
            server,
            iris: std::mem::take(&mut hashes[0]),
            tool: std::mem::take(&mut hashes[1]),
            lab,
        };
        scene.bind("iris", "/iris.tar.gz", &[]);
        scene.bind("tool", "/tool.tar.gz", &["--lazy"]);
        scene
    }

    /// Binds a name to what a path of the server has.
    fn bind(&self, name: &str, path: &str, more: &[&str]) {
        let (tarball, url) = (format!("served/{name}.tar.gz"), self.server.url(path));
        let bind = ["artifact", "bind", name, "--tarball", &tarball, "--url", &url, "--force"];
        let run = self.lab.run(&[&bind[..], more].concat());
        assert_eq!(run.code, 0, "{run:?}");
    }

    fn install(&self, arguments: &[&str]) -> Run {
        self.lab.run(&[&["artifact", "install"], arguments].concat())
    }

    fn answer(&self, arguments: &[&str]) -> Value {
        json(&self.install(&[arguments, &["--json"]].concat()).stdout)
    }

    fn path(&self, hash: &str) -> String {
        format!("[ROOT]/depot/artifacts/{hash}")
    }

    fn is_there(&self, hash: &str) -> bool {
        self.lab.run(&["artifact", "verify", hash]).code == 0
    }

    fn asked(&self) -> Vec<String> {
        self.server.received().into_iter().map(|received| received.target).collect()
    }

    /// The names in the directory of artifacts.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.lab.path("depot/artifacts")).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|it| it.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Corrupts an artifact.
    fn spoil(&self, hash: &str, file: &str) {
        let file = format!("depot/artifacts/{hash}/{file}");
        self.lab.set_writable(&file);
        self.lab.write(&file, "corrupt");
    }
}

#[test]
fn the_artifacts_of_a_file_are_installed_except_lazy_ones() {
    let scene = Scene::new();
    let installed = |count: &str| format!("Installed {count}\n");
    assert_eq!(
        scene.install(&[]),
        Run { code: 0, stdout: scene.path(&scene.iris) + "\n", stderr: installed("1 artifact") }
    );
    assert!(scene.is_there(&scene.iris) && !scene.is_there(&scene.tool));
    assert_eq!(scene.asked(), ["/iris.tar.gz"]);
    let again = scene.install(&["--lazy"]);
    let both = format!("{}\n{}\n", scene.path(&scene.iris), scene.path(&scene.tool));
    assert_eq!((again.code, again.stdout), (0, both));
    assert_eq!(again.stderr, "Installed 1 artifact\n1 artifact is already installed\n");
    assert!(scene.is_there(&scene.tool));
    let log = scene.lab.read("depot/logs/artifact_usage.toml");
    assert!(log.contains("[[\"[ROOT]/Artifacts.toml\"]]"), "{log}");
}

#[test]
fn one_is_installed_by_name_or_by_hash() {
    let scene = Scene::new();
    let run = scene.install(&["tool"]);
    assert_eq!((run.code, run.stdout), (0, scene.path(&scene.tool) + "\n"));
    let sha256 = scene.lab.result(&["hash", "served/iris.tar.gz", "--only", "sha256"]);
    let url = scene.server.url("/iris.tar.gz");
    let answer = scene.answer(&[&scene.iris, "--url", &url, "--sha256", sha256.trim()]);
    let installed = json!({
        "name": scene.iris, "hash": scene.iris, "path": scene.path(&scene.iris), "is_new": true,
        "error": null,
    });
    assert_eq!(answer, json!({"artifacts": [installed], "healed": [], "notes": []}));
    assert_eq!(scene.install(&["--url", &url]).code, 2);
    assert_eq!(scene.install(&["iris", "tool", "--url", &url, "--sha256", sha256.trim()]).code, 2);
    assert_eq!(scene.install(&["nothing"]).code, 3);
}

#[test]
fn a_missing_artifact_without_url_is_noted() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["artifact", "bind", "local", &"ab".repeat(20)]).code, 0);
    let note = "note: `local` is not installed, and `[ROOT]/Artifacts.toml` has no URL to \
                download it from\nNothing to install\n";
    let expected = Run { code: 0, stdout: String::new(), stderr: note.to_owned() };
    assert_eq!(lab.run(&["artifact", "install"]), expected);
}

#[test]
fn a_pkg_server_is_asked_first() {
    let mut scene = Scene::new();
    let hash = scene.iris.clone();
    fs::copy(
        scene.lab.path("served/iris.tar.gz"),
        scene.lab.path(&format!("served/artifact/{hash}")),
    )
    .unwrap();
    let server = scene.server.url("/@bearer:abc");
    scene.lab.set("JULIA_PKG_SERVER", &server);
    let host = format!("localhost_{}", scene.server.port());
    scene.lab.write(&format!("depot/servers/{host}/auth.toml"), "access_token = \"abc\"\n");
    assert_eq!(scene.install(&[]).code, 0);
    assert_eq!(scene.asked(), [format!("/@bearer:abc/artifact/{hash}")]);
    let received = &scene.server.received()[0];
    assert_eq!(received.header("julia-pkg-protocol"), Some("1.0"));
    // What it does not have comes from the other place.
    assert_eq!(scene.install(&["tool"]).code, 0);
    assert_eq!(
        scene.asked()[1..],
        [format!("/@bearer:abc/artifact/{}", scene.tool), "/tool.tar.gz".to_owned()]
    );
}

#[test]
fn a_failed_download_names_each_url() {
    let mut scene = Scene::new();
    scene.bind("iris", "/missing.tar.gz", &[]);
    let url = scene.server.url("/missing.tar.gz");
    let run = scene.install(&[]);
    let message = format!(
        "error: can't install artifact `iris`\n  can't download {url}: the server answers 404 (Not Found)\n"
    );
    assert_eq!(run, Run::failed(1, &message));
    let error = &scene.answer(&[])["artifacts"][0]["error"];
    assert_eq!(error["code"], json!("download"));
    let several = scene.install(&["--lazy"]);
    assert_eq!((several.code, several.stdout), (1, scene.path(&scene.tool) + "\n"));
    assert!(
        several.stderr.ends_with("error: 1 of 2 artifacts can't be installed\n"),
        "{}",
        several.stderr
    );
    scene.lab.set("JULIA_PKG_CONCURRENT_DOWNLOADS", "none");
    let run = scene.install(&["--json"]);
    assert!(
        json(&run.stdout)["notes"][0].as_str().unwrap().contains("JULIA_PKG_CONCURRENT_DOWNLOADS")
    );
}

#[test]
fn another_tree_is_refused_unless_the_user_insists() {
    let mut scene = Scene::new();
    fs::copy(scene.lab.path("served/tool.tar.gz"), scene.lab.path("served/other.tar.gz")).unwrap();
    let sha256 = scene.lab.result(&["hash", "served/other.tar.gz", "--only", "sha256"]);
    let url = scene.server.url("/other.tar.gz");
    let bind = [
        "artifact",
        "bind",
        "iris",
        &scene.iris,
        "--force",
        "--url",
        &url,
        "--sha256",
        sha256.trim(),
    ];
    assert_eq!(scene.lab.run(&bind).code, 0);
    let run = scene.install(&[]);
    let expected = format!(
        "error: artifact `iris` does not match its hash; nothing was installed\n  from     {url}\n  \
         expected git-tree-sha1 {}\n  got      git-tree-sha1 {}\n\
         hint: the binding in [ROOT]/Artifacts.toml:1 may be older than the file at the URL\n",
        scene.iris, scene.tool
    );
    assert_eq!(run, Run::failed(1, &expected));
    assert_eq!(scene.left(), [""; 0]);
    scene.lab.set("JULIA_PKG_IGNORE_HASHES", "true");
    let run = scene.install(&[]);
    assert!(run.code == 0 && run.stderr.contains("note: Tree Hash Mismatch!"), "{run:?}");
}

#[test]
#[cfg(unix)]
fn an_interrupted_download_resumes() {
    let scene = Scene::new();
    scene.bind("iris", "/@stall:100000:1/iris.tar.gz", &[]);
    let mut command = scene.lab.command(env!("CARGO_BIN_EXE_scratchrs"), &["artifact", "install"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    scene.server.wait_for_request();
    let part = || {
        let names = scene.left();
        let name =
            names.into_iter().find(|name| name.contains("@download") && !name.contains('.'))?;
        fs::metadata(scene.lab.path(&format!("depot/artifacts/{name}"))).ok()
    };
    // The server has sent what it will send; the rest of the time, nothing happens.
    while part().is_none_or(|part| part.len() < 100_000) {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.ends_with("Interrupted\n"), "{said}");
    assert_eq!(scene.install(&[]).code, 0);
    assert!(scene.is_there(&scene.iris));
    let received = scene.server.received();
    assert_eq!(received[1].header("range"), Some("bytes=100000-"));
    assert_eq!(scene.left(), [scene.iris.clone(), format!("{}@tree", scene.iris)]);
}

#[test]
#[cfg(unix)]
fn a_terminal_shows_progress() {
    let scene = Scene::new();
    scene.bind("iris", "/@stall:100000:1/iris.tar.gz", &[]);
    let line = format!(
        "stty cols 70 rows 20 && {} artifact install --color never",
        env!("CARGO_BIN_EXE_scratchrs")
    );
    let mut command =
        scene.lab.command("script", &["-q", "-e", "-E", "never", "-c", &line, "/dev/null"]);
    command.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh").env("TERM", "xterm");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        return skip("a_terminal_shows_progress", "there is no `script`");
    };
    let (mut typed, mut shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut text = String::new();
    let mut byte = [0; 512];
    let bar = "Downloading `iris`";
    while !text.contains(" of 29") {
        let count = shown.read(&mut byte).unwrap();
        if count == 0 {
            return skip("a_terminal_shows_progress", "`script` shows nothing");
        }
        text.push_str(&String::from_utf8_lossy(&byte[..count]));
    }
    assert!(text.contains(bar), "{text:?}");
    typed.write_all(b"\x03").unwrap();
    shown.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text:?}");
    let last = text.replace("^C", "");
    assert!(last.ends_with("\r\x1b[KInterrupted\r\n"), "the bar goes: {last:?}");
}

#[test]
fn corrupt_artifacts_are_installed_again() {
    let scene = Scene::new();
    assert_eq!(scene.install(&[]).code, 0);
    let path = scene.path(&scene.iris);
    scene.spoil(&scene.iris, "noise");
    assert!(!scene.is_there(&scene.iris));
    let repair = |more: &[&str]| scene.lab.run(&[&["artifact", "repair"], more].concat());
    assert_eq!(
        repair(&[]),
        Run {
            code: 0,
            stdout: format!("repaired {}  {path}\n", scene.iris),
            stderr: "0 artifacts were intact\nRepaired 1 artifact\n".to_owned(),
        }
    );
    assert!(scene.is_there(&scene.iris));
    let sound = repair(&[]);
    assert_eq!((sound.code, sound.stdout.as_str()), (0, ""));
    assert_eq!(sound.stderr, "1 artifact was intact\n");
}

#[test]
fn the_repair_of_a_file_installs_missing_artifacts() {
    let scene = Scene::new();
    let answer = json(&scene.lab.run(&["artifact", "repair", "--file", ".", "--json"]).stdout);
    assert_eq!(answer["installed"], json!([{"hash": scene.iris, "path": scene.path(&scene.iris)}]));
    assert_eq!(answer["sound"], json!(0));
}

#[test]
fn an_artifact_without_a_source_stays_corrupt() {
    let scene = Scene::new();
    assert_eq!(scene.install(&[]).code, 0);
    scene.spoil(&scene.iris, "noise");
    scene.bind("iris", "/missing.tar.gz", &[]);
    let run = scene.lab.run(&["artifact", "repair"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.starts_with(&format!("failed {}  can't install artifact `iris`", scene.iris)),
        "{}",
        run.stdout
    );
    assert!(
        run.stderr.ends_with("error: 1 artifact is still corrupt or missing\n"),
        "{}",
        run.stderr
    );
    fs::remove_file(scene.lab.path("Artifacts.toml")).unwrap();
    let run = scene.lab.run(&["artifact", "repair"]);
    assert_eq!(
        (run.code, run.stdout),
        (1, format!("unknown {}  {}\n", scene.iris, scene.path(&scene.iris)))
    );
}

#[test]
fn each_command_has_examples_and_documents_its_json() {
    let lab = Lab::new();
    for command in ["install", "repair"] {
        let help = lab.result(&["artifact", command, "--help"]);
        assert!(help.contains(&format!("\nExamples:\n  scratchrs artifact {command} ")), "{help}");
        assert!(help.contains("\nWith --json: {"), "{help}");
    }
}
