//! The exact counts of the published packages. They are fetched from npm when the test runs and are
//! never part of the repository; where npm cannot be reached these tests are counted as skipped
//! (`--why` says why), and the fixtures stand alone.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]
#![expect(clippy::print_stdout, reason = "the times, and what could not be run, are worth seeing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use imports::bmad;
use imports::bundle::Bundle;
use imports::model::{AttachmentKind, Generation, Import, StepKind};
use libtest_mimic::{Arguments, Trial};
use sha2::{Digest, Sha256};

struct Package {
    version: &'static str,
    sha256: &'static str,
}

const A: Package = Package {
    version: "4.44.3",
    sha256: "6fbef43cf918658c0741240bf459c6f029b60c03b52c6542a3aaf875832025d6",
};
const D: Package = Package {
    version: "6.12.0",
    sha256: "ac05c93f0b3c4256bb4072e6e1ff181eaad6cc0a64a27a63893bfb2b0b64aed2",
};

impl Package {
    /// The tarball, fetched once; else why it cannot be had.
    fn bytes(&self) -> Result<Vec<u8>, String> {
        let cache = cache();
        let file = cache.join(format!("bmad-method-{}.tgz", self.version));
        if !file.exists() {
            let fetched = self.fetch(&cache, &file);
            fetched.map_err(|why| format!("bmad-method {}: {why}", self.version))?;
        }
        let bytes = fs::read(&file).unwrap();
        let sum: Vec<String> =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum.concat(), self.sha256, "{} is not the published package", file.display());
        Ok(bytes)
    }

    /// Into a folder of its own first: tests run side by side and must not see half a file.
    fn fetch(&self, cache: &Path, file: &Path) -> Result<(), String> {
        static FETCHES: AtomicU32 = AtomicU32::new(0);
        let number = FETCHES.fetch_add(1, Ordering::Relaxed);
        let own = cache.join(format!("fetch-{}-{number}", std::process::id()));
        fs::create_dir_all(&own).map_err(|error| error.to_string())?;
        let packed = Command::new("npm")
            .args(["pack", "--silent", "--pack-destination"])
            .arg(&own)
            .arg(format!("bmad-method@{}", self.version))
            .current_dir(&own)
            .output()
            .map_err(|error| format!("npm: {error}"))
            .and_then(|output| {
                let fetched = own.join(file.file_name().unwrap_or_default());
                if !output.status.success() {
                    return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
                }
                fs::rename(fetched, file).map_err(|error| error.to_string())
            });
        fs::remove_dir_all(&own).map_err(|error| error.to_string())?;
        packed
    }

    fn import(&self) -> Import {
        let bytes = self.bytes().unwrap();
        let start = Instant::now();
        let bundle = Bundle::from_bytes(&bytes).unwrap();
        let unpacked = start.elapsed();
        let import = bmad::read(&bundle).unwrap();
        println!(
            "{}: unpacked in {unpacked:?}, read in {:?}",
            self.version,
            start.elapsed().saturating_sub(unpacked)
        );
        assert_eq!(import, bmad::read(&Bundle::from_bytes(&bytes).unwrap()).unwrap(), "read twice");
        let json = serde_json::to_string(&import).unwrap();
        assert_eq!(import, serde_json::from_str(&json).unwrap(), "through JSON");
        import
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever has the packages already says where")]
fn cache() -> PathBuf {
    match std::env::var_os("CADRE_PACKAGES") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.local/packages"),
    }
}

fn counted(import: &Import, what: &str) -> u64 {
    import.report.counts.get(what).copied().unwrap_or_default()
}

type Test = fn();

fn main() -> ExitCode {
    let found = [A, D].iter().try_for_each(|package| package.bytes().map(drop));
    if std::env::args().any(|argument| argument == "--why") {
        let why = found.err().map_or("run".to_owned(), |why| format!("skipped: {why}"));
        println!("packages: {why}");
        return ExitCode::SUCCESS;
    }
    let tests: [(&str, Test); 5] = [
        ("generation_d_is_read_to_the_last_piece", generation_d_is_read_to_the_last_piece),
        (
            "generation_d_suggests_the_order_in_which_people_work",
            generation_d_suggests_the_order_in_which_people_work,
        ),
        (
            "no_text_of_generation_d_still_asks_to_resolve_its_settings",
            no_text_of_generation_d_still_asks_to_resolve_its_settings,
        ),
        ("generation_a_is_read_to_the_last_piece", generation_a_is_read_to_the_last_piece),
        (
            "every_step_of_a_real_package_comes_after_what_it_needs",
            every_step_of_a_real_package_comes_after_what_it_needs,
        ),
    ];
    let trial = |(name, test): (&str, Test)| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(found.is_err())
    };
    let trials = tests.map(trial);
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn generation_d_is_read_to_the_last_piece() {
    let import = D.import();
    assert_eq!(import.source.generation, Generation::D);
    assert_eq!(import.source.version.as_deref(), Some("6.12.0"));
    assert_eq!(import.source.licence.as_deref(), Some("MIT"));
    assert_eq!(import.report.rejected, []);
    assert_eq!(import.report.unresolved, []);
    assert_eq!(import.report.missing, []);

    assert_eq!(import.agents.len(), 5);
    let menu = |name: &str| {
        import.agents.iter().find(|agent| agent.name == name).map(|agent| agent.capabilities.len())
    };
    let menus = ["Mary", "John", "Winston", "Amelia", "Sally"].map(menu);
    assert_eq!(menus, [Some(10), Some(4), Some(2), Some(5), Some(1)]);
    let menu: Vec<_> = import.agents.iter().flat_map(|agent| &agent.capabilities).collect();
    assert_eq!(menu.iter().filter(|item| item.skill.is_some()).count(), 16);
    assert_eq!(menu.iter().filter(|item| item.prompt.is_some()).count(), 6);

    assert_eq!(import.workflows.len(), 24);
    assert_eq!(import.aliases.len(), 21);
    assert_eq!(counted(&import, "skills_live"), 29);
    assert_eq!(counted(&import, "shims"), 21);
    assert_eq!(counted(&import, "step_files"), 23);
    assert_eq!(counted(&import, "lenses"), 5);
    assert_eq!(counted(&import, "review_layers"), 3 + 4 + 4);
    assert_eq!((import.members.len(), import.rooms.len()), (9, 2));
    let casts: Vec<usize> = import.rooms.iter().map(|room| room.members.len()).collect();
    assert_eq!(casts, [5, 4]);

    assert_eq!(import.catalog.len(), 25);
    assert_eq!(counted(&import, "catalog_meta_rows"), 2);
    assert_eq!(counted(&import, "catalog_rows_repaired"), 0);
    assert_eq!(counted(&import, "catalog_required"), 5);
    assert_eq!(import.edges.len(), 7);
    let phase = |name: &str| import.catalog.iter().filter(|row| row.phase == name).count();
    assert_eq!(["anytime", "plan", "ship", "2-planning"].map(phase), [12, 6, 5, 2]);

    let mut rows: Vec<usize> = import.tables.iter().map(|table| table.rows).collect();
    rows.sort_unstable();
    assert_eq!(rows, [71, 108]);
    assert_eq!(counted(&import, "scripts_never_run"), 16);
    assert!(import.attachments.iter().all(|file| file.inert));
}

fn generation_d_suggests_the_order_in_which_people_work() {
    let import = D.import();
    assert_eq!(
        import.plan,
        [
            "bmad-brainstorming",
            "bmad-product-brief",
            "bmad-prfaq",
            "bmad-prd",
            "bmad-ux",
            "bmad-architecture",
            "bmad-create-epics-and-stories",
            "bmad-sprint-planning",
            "bmad-build",
            "bmad-code-review",
            "bmad-walkthrough",
            "bmad-qa-generate-e2e-tests",
            "bmad-retrospective",
        ]
    );
    let steps = |slug: &str| {
        let workflow = import.workflows.iter().find(|workflow| workflow.slug == slug).unwrap();
        workflow.steps.iter().filter(|step| step.kind == StepKind::Agent).count()
    };
    let with_files =
        ["create-epics-and-stories", "build", "build-auto", "code-review", "walkthrough"];
    assert_eq!(with_files.map(|name| steps(&format!("bmad-{name}"))), [4, 6, 4, 4, 5]);
}

fn no_text_of_generation_d_still_asks_to_resolve_its_settings() {
    let import = D.import();
    for agent in &import.agents {
        assert!(!agent.instructions.contains("uv run"), "{}", agent.slug);
        assert!(!agent.instructions.is_empty(), "{}", agent.slug);
    }
    let stepped = import.workflows.iter().filter(|workflow| workflow.steps.len() > 1);
    for workflow in stepped {
        assert!(!workflow.body.contains("resolve_customization.py"), "{}", workflow.slug);
    }
    assert!(counted(&import, "activation_steps_stripped") > 200);
}

fn generation_a_is_read_to_the_last_piece() {
    let import = A.import();
    assert_eq!(import.source.generation, Generation::A);
    assert_eq!(import.source.version.as_deref(), Some("4.44.3"));

    assert_eq!(import.agents.len(), 38);
    let of =
        |prefix: &str| import.agents.iter().filter(|agent| agent.slug.starts_with(prefix)).count();
    assert_eq!(
        ["bmad2dp-", "bmad2du-", "bmad-cw-", "bmadg-", "bmadinfradevops-"].map(of),
        [3, 4, 10, 10, 1]
    );
    let commands: usize = import.agents.iter().map(|agent| agent.capabilities.len()).sum();
    assert_eq!(commands, 317);
    assert_eq!(counted(&import, "commands_as_maps"), 186);
    // Two agents write their commands as one mapping; the others' are plain texts.
    assert_eq!(
        counted(&import, "commands_as_texts") + counted(&import, "commands_of_one_map"),
        131
    );

    assert_eq!(import.workflows.len(), 19);
    let rejected: Vec<&str> =
        import.report.rejected.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        rejected,
        ["expansion-packs/bmad-creative-writing/workflows/book-cover-design-workflow.md"]
    );

    let times = |name: &str| import.report.unresolved.iter().filter(|one| one.name == name).count();
    let names = ["various", "analyst/pm", "pm/architect", "solution-architect", "game-dev"];
    assert_eq!(names.map(times), [9, 6, 1, 2, 2]);
    assert_eq!(import.report.unresolved.len(), 20);

    assert_eq!(import.rooms.len(), 8);
    assert_eq!(counted(&import, "tasks"), 79);
    assert_eq!(counted(&import, "checklists"), 45);
    assert_eq!(counted(&import, "templates"), 45);
    let kind = |kind| import.attachments.iter().filter(|file| file.kind == kind).count();
    assert_eq!(kind(AttachmentKind::Task), 79);
    assert_eq!(kind(AttachmentKind::Checklist), 45);
}

fn every_step_of_a_real_package_comes_after_what_it_needs() {
    for import in [A.import(), D.import()] {
        let slugs: Vec<&str> = import.agents.iter().map(|agent| agent.slug.as_str()).collect();
        for workflow in &import.workflows {
            for (at, step) in workflow.steps.iter().enumerate() {
                let place = |id: &String| workflow.steps.iter().position(|other| other.id == *id);
                assert!(!step.instruction.is_empty(), "{} {}", workflow.slug, step.id);
                assert!(step.needs.iter().all(|id| place(id).is_some_and(|before| before != at)));
                assert!(
                    step.agent
                        .iter()
                        .chain(&step.candidates)
                        .all(|slug| slugs.contains(&slug.as_str()))
                );
                assert_eq!(place(&step.id), Some(at), "ids are unique");
            }
        }
        let mut unique = slugs.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), slugs.len());
    }
}
