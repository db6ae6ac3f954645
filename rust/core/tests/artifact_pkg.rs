//! Files of bindings and their usage log, compared with those of Pkg byte by byte; and the choice
//! for a platform, compared with Julia's. Runs with each Julia that the testkit finds.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use scratchrs_core::artifact::{self, Stack};
use scratchrs_model::artifacts_toml::{BindOptions, Download};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::platform::Platform;
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::{DepotLab, inapplicable, julias, report, skip};

/// Does each line of a file of calls, and keeps what the bound file is after each.
const SCRIPT: &str = r#"
using Pkg, Pkg.Artifacts
@static if VERSION >= v"1.6-"
    using Base: SHA1
    using Base.BinaryPlatforms: Platform
    platform(triplet) = parse(Platform, triplet)
else
    using Base: SHA1
    using Pkg.BinaryPlatforms: platform_key_abi
    platform(triplet) = platform_key_abi(triplet)
end
calls, file, states = ARGS
for (number, line) in enumerate(eachline(calls))
    call, name, hash, triplet, downloads, lazy, force = split(line, '\t')
    target = isempty(triplet) ? nothing : platform(triplet)
    info = isempty(downloads) ? nothing :
        Tuple[("https://example.org/$n?q=\"é\"", string(n)^64) for n in 1:parse(Int, downloads)]
    state = joinpath(states, string(number))
    try
        if call == "bind"
            bind_artifact!(file, String(name), SHA1(String(hash)); platform = target,
                download_info = info, lazy = lazy == "true", force = force == "true")
        else
            unbind_artifact!(file, String(name); platform = target)
        end
        isfile(file) && cp(file, state)
    catch error
        write(state, "refused: ", error isa ErrorException ? error.msg : string(typeof(error)))
    end
end
println(VERSION)
"#;

const NAMES: [&str; 5] = ["iris", "tool", "a b", "é\\", "Zed"];
const TRIPLETS: [&str; 4] = [
    "x86_64-linux-gnu",
    "x86_64-linux-musl",
    "i686-w64-mingw32",
    "x86_64-linux-gnu-libgfortran5-cxx11",
];
const CALLS: usize = 400;

struct Call {
    binds: bool,
    name: &'static str,
    hash: TreeHash,
    triplet: Option<&'static str>,
    downloads: Option<usize>,
    lazy: bool,
    force: bool,
}

impl Call {
    fn line(&self) -> String {
        let call = if self.binds { "bind" } else { "unbind" };
        let Self { name, hash, triplet, downloads, lazy, force, .. } = self;
        let triplet = triplet.unwrap_or_default();
        let downloads = downloads.map_or(String::new(), |count| count.to_string());
        format!("{call}\t{name}\t{hash}\t{triplet}\t{downloads}\t{lazy}\t{force}\n")
    }

    /// Does it, and says what the file is then, or why it was refused.
    fn perform(&self, stack: &Stack, file: &str) -> String {
        let platform: Option<Platform> = self.triplet.map(|triplet| triplet.parse().unwrap());
        let download = |number: usize| Download {
            url: format!("https://example.org/{number}?q=\"é\""),
            sha256: number.to_string().repeat(64).parse().unwrap(),
            size: None,
        };
        let downloads: Option<Vec<Download>> =
            self.downloads.map(|count| (1..=count).map(download).collect());
        let result = if self.binds {
            let options = BindOptions {
                platform: platform.as_ref(),
                downloads: downloads.as_deref(),
                lazy: self.lazy,
                force: self.force,
            };
            artifact::bind(stack, file, self.name, self.hash, options, now(), Duration::ZERO)
                .map(drop)
        } else {
            artifact::unbind(file, self.name, platform.as_ref(), Duration::ZERO).map(drop)
        };
        match result {
            Ok(()) => fs::read_to_string(file).unwrap(),
            Err(error) => format!("refused: {error}"),
        }
    }
}

fn now() -> DepotTime {
    DepotTime::from_toml(&"2026-11-24T12:00:00".parse().unwrap()).unwrap()
}

/// The binding of a name, as far as it decides whether Pkg supports the next call.
#[derive(Clone, Debug, PartialEq)]
enum Binding {
    Nothing,
    Everywhere,
    On(Vec<&'static str>),
}

/// Random calls that Pkg supports. Pkg fails to bind a name for one platform that is bound for all,
/// silently replaces all platforms in the opposite case, and leaves an empty array when it unbinds
/// the last platform.
fn calls(seed: u64) -> Vec<Call> {
    let mut state = seed;
    let mut pick = |count: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 33) as usize % count
    };
    let mut bindings = vec![Binding::Nothing; NAMES.len()];
    let mut calls = Vec::new();
    while calls.len() < CALLS {
        let (index, binds) = (pick(NAMES.len()), pick(4) > 0);
        let triplet = TRIPLETS.get(pick(TRIPLETS.len() + 2)).copied();
        let force = pick(3) > 0;
        let binding = &mut bindings[index];
        let next = match (&*binding, binds, triplet) {
            (Binding::Nothing, true, None) => Binding::Everywhere,
            (Binding::Nothing, true, Some(triplet)) => Binding::On(vec![triplet]),
            (Binding::Everywhere, true, None) => Binding::Everywhere,
            (Binding::On(_), true, None) if force => Binding::Everywhere,
            (Binding::On(on), true, Some(triplet)) => {
                let others = on.iter().copied().filter(|other| *other != triplet);
                Binding::On(others.chain([triplet]).collect())
            }
            (_, false, None) => Binding::Nothing,
            (Binding::On(on), false, Some(triplet)) if on.iter().any(|other| *other != triplet) => {
                Binding::On(on.iter().copied().filter(|other| *other != triplet).collect())
            }
            _ => continue,
        };
        *binding = next;
        calls.push(Call {
            binds,
            name: NAMES[index],
            hash: ["1", "2", "a"][pick(3)].repeat(40).parse().unwrap(),
            triplet,
            downloads: [None, Some(0), Some(1), Some(2)][pick(4)],
            lazy: pick(2) == 0,
            force,
        });
    }
    calls
}

#[test]
fn pkg_writes_the_same_bytes() {
    let julias = julias();
    if julias.is_empty() {
        return skip("bindings compared with Pkg's", "no Julia was found");
    }
    for (seed, (julia, minor)) in julias.iter().enumerate() {
        // Since 1.12, two platforms count as the same if one can run artifacts of the other.
        match minor {
            ..12 => compare(julia, *minor, seed as u64),
            _ => inapplicable(
                "bindings next to those of Pkg",
                "Julia 1.12 has other rules for platforms",
            ),
        }
    }
}

fn compare(julia: &Path, minor: u32, seed: u64) {
    let lab = DepotLab::new();
    let at = |name: &str| lab.root().join(name).to_str().unwrap().to_owned();
    let calls = calls(seed);
    fs::write(at("calls"), calls.iter().map(Call::line).collect::<String>()).unwrap();
    fs::write(at("script.jl"), SCRIPT).unwrap();
    for directory in ["states", "pkg", "ours"] {
        fs::create_dir(at(directory)).unwrap();
    }
    let (theirs, ours) = (at("pkg/Artifacts.toml"), at("ours/Artifacts.toml"));
    let output = Command::new(julia)
        .args(["--startup-file=no", &at("script.jl"), &at("calls"), &theirs, &at("states")])
        .env("JULIA_DEPOT_PATH", at("pkg-depot"))
        .env("JULIA_PKG_SERVER", "")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", julia.display());
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();

    let stack = Stack::new([lab.depot()], None).unwrap();
    let mut refused = 0;
    for (index, call) in calls.iter().enumerate() {
        let state = call.perform(&stack, &ours).replace(&ours, &theirs);
        let expected = fs::read_to_string(at(&format!("states/{}", index + 1))).unwrap();
        assert_eq!(state, expected, "Julia {version}, call {index}: {}", call.line());
        refused += usize::from(state.starts_with("refused: "));
    }
    assert!(refused > 0 && refused < CALLS / 2, "{refused} were refused");

    // Before Julia 1.9, Pkg appends a record at each use.
    if minor >= 9 {
        let log = |depot: &str, file: &str| {
            let log = Path::new(depot).join("logs/artifact_usage.toml");
            let text = fs::read_to_string(log).unwrap().replace(file, "<file>");
            let time = text.find("time = ").unwrap() + "time = ".len();
            let length = "2026-11-24T12:00:00.000Z".len();
            assert_eq!(text[time..].trim_end().len(), length, "{text}");
            text[..time].to_owned()
        };
        assert_eq!(log(lab.depot(), &ours), log(&at("pkg-depot"), &theirs));
    }
    report(&format!(
        "Julia {version}: {CALLS} calls, {refused} refused, the same bytes after each"
    ));
}

/// Prints the chosen artifact for each line of a file with the triplets of a host and of artifacts.
const CHOOSING: &str = r#"
using Base.BinaryPlatforms
for line in eachline(ARGS[1])
    host, artifacts = Iterators.peel(split(line, ' '))
    platforms = Dict(parse(Platform, artifact) => artifact for artifact in artifacts)
    println(something(select_platform(platforms, HostPlatform(parse(Platform, host))), "none"))
end
"#;

#[test]
fn julia_chooses_the_same_artifact() {
    let about = "choosing for a platform next to Julia";
    let julias = julias();
    // Julia has these rules since 1.6.
    let Some((julia, _)) = julias.iter().find(|(_, minor)| *minor >= 6) else {
        return inapplicable(about, "no Julia 1.6 or later was found");
    };
    const LINES: usize = 3000;
    let mut state = 1u64;
    let mut pick = |texts: &[&'static str]| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7B7E_F767_814F);
        texts[(state >> 33) as usize % texts.len()]
    };
    let systems = [
        "linux-gnu",
        "linux-musl",
        "apple-darwin",
        "apple-darwin14",
        "apple-darwin20",
        "w64-mingw32",
        "unknown-freebsd",
        "unknown-freebsd12.2",
    ];
    let mut triplet = || {
        let parts = [
            pick(&["x86_64", "x86_64", "aarch64"]),
            "-",
            pick(&systems[..]),
            pick(&["", "", "-libgfortran3", "-libgfortran5"]),
            pick(&["", "", "-cxx03", "-cxx11"]),
            pick(&["", "", "-libstdcxx21", "-libstdcxx30"]),
            pick(&["", "", "-julia_version+1.9.4", "-julia_version+1.10.0", "-cuda+10.1"]),
        ];
        parts.concat()
    };
    let lines: Vec<Vec<String>> =
        (0..LINES).map(|_| (0..12).map(|_| triplet()).collect()).collect();
    let lab = DepotLab::new();
    let at = |name: &str| lab.root().join(name).to_str().unwrap().to_owned();
    let text: Vec<String> = lines.iter().map(|line| line.join(" ")).collect();
    fs::write(at("lines"), text.join("\n")).unwrap();
    fs::write(at("script.jl"), CHOOSING).unwrap();
    let output = Command::new(julia)
        .args(["--startup-file=no", &at("script.jl"), &at("lines")])
        .env("JULIA_DEPOT_PATH", at("depot-of-julia"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = String::from_utf8(output.stdout).unwrap();
    let mut chosen = 0;
    for (line, expected) in lines.iter().zip(theirs.lines()) {
        let platforms: Vec<Platform> = line.iter().map(|text| text.parse().unwrap()).collect();
        let host = platforms[0].clone().into_host();
        let index = host.choose(&platforms[1..]);
        let ours = index.map_or("none", |index| line[index + 1].as_str());
        assert_eq!(ours, expected, "of {line:?}");
        chosen += usize::from(index.is_some());
    }
    assert_eq!(theirs.lines().count(), LINES);
    report(&format!("{about}: the same in {LINES} cases, of which {chosen} have an artifact"));
}
