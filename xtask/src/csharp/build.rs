//! The binding and programs on it, built without an SDK.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::compilation::{Compilation, Framework, Kind};
use super::toolchain::{self, Toolchain};
use super::{binding, stage};
use crate::{compiler, tool, workspace};

/// Name of assembly, package and namespace.
pub(crate) const NAME: &str = "Kusto.Ingest.Native";

/// Name of the program with the tests and their runner.
pub(crate) const TESTS: &str = "Kusto.Ingest.Native.Tests";

/// Name of the package for Azure's credentials.
pub(crate) const COMPAT: &str = "Kusto.Ingest.Native.Compat";

/// Name of the program with its tests.
pub(crate) const COMPAT_TESTS: &str = "Kusto.Ingest.Native.Compat.Tests";

/// A program on the library; it runs on .NET 8 by default, also with a library for another framework, which
/// the symbol `LIBRARY_NETSTANDARD2_0` marks.
pub(crate) struct Program {
    name: &'static str,
    framework: Framework,
    sources: Vec<PathBuf>,
    /// Besides the library.
    references: Vec<PathBuf>,
    kind: Kind,
    /// Assemblies of the same build, which are compiled before.
    uses: &'static [&'static str],
}

impl Program {
    /// All sources of a directory.
    pub(crate) fn of(name: &'static str, directory: &str) -> Result<Program, String> {
        Ok(Program {
            name,
            framework: Framework::Net8,
            sources: sources(&workspace::root().join(directory))?,
            references: Vec::new(),
            kind: Kind::Program(None),
            uses: &[],
        })
    }

    /// A library beside the binding.
    pub(crate) fn library(self) -> Program {
        let kind = Kind::Library;
        Program { kind, ..self }
    }

    /// The same, with other assemblies of the build.
    pub(crate) fn with(self, uses: &'static [&'static str]) -> Program {
        Program { uses, ..self }
    }

    /// The same, of a directory with several programs of which `class` is the wanted one.
    pub(crate) fn starting_in(self, class: &'static str) -> Program {
        let kind = Kind::Program(Some(class));
        Program { kind, ..self }
    }

    /// The same, restricted to .NET Standard 2.0, for another runtime.
    pub(crate) fn standard(self) -> Program {
        let framework = Framework::NetStandard2;
        Program { framework, ..self }
    }

    /// The tests of the binding; with an SDK `dotnet test` is the runner.
    pub(crate) fn tests(toolchain: &Toolchain) -> Result<Program, String> {
        Ok(Program::of(TESTS, "bindings/csharp/tests")?.run_by_nunit(toolchain))
    }

    /// The package for Azure's credentials and its tests, on a stand-in for Azure.Core.
    pub(crate) fn compat(toolchain: &Toolchain) -> Result<[Program; 3], String> {
        let directory = "bindings/csharp/compat";
        let tests = Program::of(COMPAT_TESTS, &format!("{directory}/tests"))?;
        Ok([
            Program::of("Azure.Core", &format!("{directory}/standin"))?.library(),
            Program::of(COMPAT, &format!("{directory}/src"))?
                .library()
                .with(&["Azure.Core"]),
            tests.run_by_nunit(toolchain).with(&["Azure.Core", COMPAT]),
        ])
    }

    fn run_by_nunit(mut self, toolchain: &Toolchain) -> Program {
        self.sources.push(toolchain::helper("TestRunner.cs"));
        self.references.push(toolchain.nunit());
        self
    }
}

/// A directory with everything that the programs in it need.
pub(crate) struct Build<'a> {
    toolchain: &'a Toolchain,
    directory: PathBuf,
}

impl<'a> Build<'a> {
    /// Compiles the library for a framework, and programs that use it.
    pub(crate) fn new(
        toolchain: &'a Toolchain,
        framework: Framework,
        programs: &[Program],
    ) -> Result<Build<'a>, String> {
        let directory = workspace::scratch("csharp")?.join(framework.name());
        workspace::create_directory(&directory)?;
        let build = Build {
            toolchain,
            directory,
        };
        let native = stage()?;
        build.place(&native)?;
        let mut compilations = vec![build.library(framework)?];
        for program in programs {
            for reference in &program.references {
                build.place(reference)?;
            }
            compilations.push(build.program(framework, program));
        }
        toolchain.compile(&compilations)?;
        Ok(build)
    }

    /// The command that runs a program.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.toolchain.program(&self.path(program))
    }

    /// The command that runs a program on Mono.
    pub(crate) fn on_mono(&self, program: &str) -> Command {
        let mut command = Command::new(tool::MONO.name);
        command.arg(self.path(program));
        command
    }

    /// Writes a script that runs a program, for callers that need a program in one file.
    pub(crate) fn write_script(&self, script: &Path, program: &str) -> Result<(), String> {
        self.toolchain.write_script(script, &self.path(program))
    }

    fn path(&self, assembly: &str) -> PathBuf {
        self.directory.join(format!("{assembly}.dll"))
    }

    /// The loader looks beside the program.
    fn place(&self, library: &Path) -> Result<(), String> {
        let name = library.file_name().ok_or("a library without a name")?;
        compiler::link(library, &self.directory.join(name))
    }

    fn library(&self, framework: Framework) -> Result<Compilation, String> {
        Ok(Compilation {
            framework,
            kind: Kind::Library,
            output: self.path(NAME),
            sources: sources(&binding().join("src"))?,
            symbols: "",
            references: Vec::new(),
        })
    }

    fn program(&self, framework: Framework, program: &Program) -> Compilation {
        let mut references = vec![self.path(NAME)];
        references.extend_from_slice(&program.references);
        references.extend(program.uses.iter().map(|name| self.path(name)));
        Compilation {
            framework: program.framework,
            kind: program.kind,
            output: self.path(program.name),
            sources: program.sources.clone(),
            symbols: match framework {
                Framework::Net8 => "",
                Framework::NetStandard2 => "LIBRARY_NETSTANDARD2_0",
            },
            references,
        }
    }
}

/// The files of `**/*.cs` in a project file: the sources of a directory and its subdirectories,
/// without build output.
pub(crate) fn sources(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = workspace::files(directory, "cs");
    let failed = |error| format!("cannot read {}: {error}", directory.display());
    let entries = std::fs::read_dir(directory).map_err(failed)?;
    let mut inner: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && !path.ends_with("bin") && !path.ends_with("obj"))
        .collect();
    inner.sort();
    for directory in inner {
        found.extend(sources(&directory)?);
    }
    Ok(found)
}
