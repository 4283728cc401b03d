//! Cuts the power under a loaded engine, again and again, and judges what is left.
//!
//! The engine runs in a process of its own, this same program, and tells over a pipe what was
//! acknowledged. Needs the right to mount, loop devices and FUSE.

#![allow(clippy::print_stdout, reason = "progress and the figure are printed")]
#![allow(clippy::disallowed_methods, reason = "it tests a real file system")]

use std::{
    env, fs,
    io::{self, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use clap::{Parser, Subcommand};
use vanus_core::Durability;
use vanus_tests::{
    harness::{Random, Result},
    ledger::Ledger,
    power::{Disk, FileSystem, Findings, ServedDisk, Volume, judge, publish},
};

/// The least and the most of a publisher's life, in milliseconds.
const LIFE_MS: (u64, u64) = (30, 900);
/// How long a publisher may take to begin, and to notice that the power is gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Cuts the power under a loaded engine, again and again, and judges what is left.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Cut the power
    Run(Run),
    /// Publish until the power goes
    #[command(hide = true)]
    Publish {
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        durability: Durability,
        #[arg(long)]
        seed: u64,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Where mounts and images go; must be empty or absent
    #[arg(long)]
    place: PathBuf,
    /// How often
    #[arg(long, default_value_t = 25)]
    cuts: u64,
    /// What publishers ask for
    #[arg(long, default_value_t = Durability::Fsync)]
    durability: Durability,
    /// From what moments, contents and losses follow
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode> {
    match Options::parse().role {
        Role::Publish {
            folder,
            durability,
            seed,
        } => {
            let published = publish(&folder, durability, seed, io::stdout());
            runtime()?.block_on(published)?;
            Ok(ExitCode::SUCCESS)
        }
        Role::Run(run) => run.all(),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

impl Run {
    fn all(&self) -> Result<ExitCode> {
        fs::create_dir_all(&self.place)?;
        let disks = FileSystem::ALL
            .into_iter()
            .map(|kind| Ok((kind, kind.make(&self.place)?)))
            .collect::<Result<Vec<_>>>()?;
        let (mut all, mut cached) = (Findings::default(), 0);
        for cut in 0..self.cuts {
            let mut random = Random::named(self.seed, &format!("cut {cut}"));
            for (kind, empty) in disks.iter().skip((cut % 2) as usize).take(1) {
                let (findings, unflushed) = self.cut(*kind, empty, &mut random)?;
                println!(
                    "cut {cut} on {}: {findings}, {unflushed} blocks unflushed",
                    kind.name()
                );
                all += findings;
                cached += unflushed;
            }
        }
        println!(
            "power-loss: cuts={} durability={} {all} blocks_unflushed={cached}",
            self.cuts, self.durability
        );
        let lively = all.acked > 0 && cached > 0;
        Ok(if all.are_clean() && lively {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// One life, one death, and the day after.
    fn cut(&self, kind: FileSystem, empty: &Disk, random: &mut Random) -> Result<(Findings, u64)> {
        let (served, mounted) = (self.folder("served")?, self.folder("mounted")?);
        let disk = ServedDisk::serve(empty.clone(), &served)?;
        let volume = Volume::mount(kind, &disk.file(), &mounted)?;
        let publisher = Publisher::start(self, volume.folder(), random.next())?;
        publisher.wait_until_it_publishes()?;
        thread::sleep(Duration::from_millis(random.between(LIFE_MS.0, LIFE_MS.1)));
        let unflushed = disk.cached() as u64;
        let left = disk.cut(random);
        let ledger = publisher.end()?;
        drop(volume);
        drop(disk);

        let disk = ServedDisk::serve(left, &served)?;
        let volume = Volume::mount(kind, &disk.file(), &mounted)?;
        let findings = runtime()?.block_on(judge(volume.folder(), &ledger))?;
        Ok((findings, unflushed))
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.place.join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// A publishing process, ended with this one.
struct Publisher {
    process: Child,
    began: mpsc::Receiver<()>,
    ledger: Option<thread::JoinHandle<Result<Ledger>>>,
}

impl Publisher {
    fn start(run: &Run, folder: &Path, seed: u64) -> Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg("publish")
            .args(["--durability", &run.durability.to_string()])
            .args(["--seed", &seed.to_string()])
            .arg("--folder")
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let told = process.stdout.take().ok_or("no pipe")?;
        let (begin, began) = mpsc::channel();
        let ledger = thread::spawn(move || {
            Ledger::read(BufReader::new(told), |ledger| {
                if !ledger.events.is_empty() {
                    // Nobody waits any more after the first time.
                    let _ = begin.send(());
                }
            })
        });
        Ok(Self {
            process,
            began,
            ledger: Some(ledger),
        })
    }

    fn wait_until_it_publishes(&self) -> Result<()> {
        let began = self.began.recv_timeout(PATIENCE);
        began.map_err(|_| "the publisher did not begin".into())
    }

    /// Kills it; answers what it was told.
    fn end(mut self) -> Result<Ledger> {
        self.process.kill()?;
        self.process.wait()?;
        let ledger = self.ledger.take().ok_or("ended twice")?;
        ledger.join().map_err(|_| "the reader of the pipe failed")?
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
