//! The command line: what can be typed, and what `--help` says about it.
#![expect(clippy::doc_markdown, reason = "these comments are what --help prints")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use uuid::Uuid;

/// Cadre from the terminal: teams of agents that turn a brief into documents.
///
/// The API is the one of --api, CADRE_API, config.toml or the last `cadre login`, in this order.
/// Exit codes: 0 fine, 1 refused or failed, 2 wrong usage. Answers go to the output, everything
/// else to the error stream.
#[derive(Parser)]
#[command(name = "cadre", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Args)]
pub(crate) struct Common {
    /// Address of the API, such as https://cadre.example; or CADRE_API
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) api: Option<String>,
    /// Where runs are streamed, if that is not the API's address; or CADRE_STREAM
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) stream: Option<String>,
    /// Token or API key to call with; others can see a command line, so prefer CADRE_TOKEN
    #[arg(long, global = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// The API's JSON instead of text; errors are JSON on the error stream
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long one request may take
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Sign in with the browser and keep the token for the next commands
    Login(Login),
    /// Forget the token of the last sign-in
    Logout,
    /// Show who you are for the API, and what you may do
    Whoami,
    /// Import agents and workflows: a zip, a tar, or a folder
    Import {
        /// .zip, .tar, .tar.gz or .tgz; of a folder, all but .git and node_modules
        #[arg(value_name = "FILE|FOLDER")]
        from: PathBuf,
    },
    /// List agents, or show one
    Agents(Definitions),
    /// List workflows, or show one
    Workflows(Definitions),
    /// Start a workflow over a brief
    Run(Run),
    /// Follow a run until it ends: who speaks, why, tokens, cost, time
    ///
    /// Ends with 0 if the run succeeded and 1 if not. With --json each event is one line.
    /// Ctrl-C ends the watching, not the run.
    Follow { run: Uuid },
    /// Start a run that goes on from where another stood, after one of its turns
    ///
    /// What does not hang on that turn is kept and costs nothing; what follows is done anew.
    Fork {
        run: Uuid,
        /// The step to go on from
        #[arg(long, value_name = "ID")]
        step: String,
        /// Its last turn to keep; 0 does the step anew
        #[arg(long, value_name = "N", default_value_t = 0,
              value_parser = clap::value_parser!(i32).range(0..))]
        turn: i32,
        /// Most tokens it may use; as many as the other run when absent
        #[arg(long, value_name = "TOKENS")]
        token_cap: Option<i64>,
        /// Most money it may spend, in millionths of a US dollar; as the other run when absent
        #[arg(long, value_name = "MICROS")]
        micros_cap: Option<i64>,
    },
    /// Show where two runs say the same and where they part
    Diff {
        run: Uuid,
        #[arg(value_name = "OTHER")]
        with: Uuid,
    },
    /// Stop a run; what is on record stays
    Cancel { run: Uuid },
    /// List a run's documents, or save them
    Documents {
        run: Uuid,
        /// Write them into this folder
        #[arg(long, value_name = "DIR")]
        save: Option<PathBuf>,
        /// Write over files that are there and say something else
        #[arg(long, requires = "save")]
        force: bool,
    },
    /// Show what each turn's prompt was made of, layer by layer
    Explain {
        run: Uuid,
        /// Only this step's turns
        #[arg(long, value_name = "ID")]
        step: Option<String>,
    },
    /// Show tokens and cost: of a run, of the newest runs, or by account with caps
    Spend {
        run: Option<Uuid>,
        /// What was used, what is held and what may be, by account
        #[arg(long, value_name = "SCOPE", conflicts_with = "run")]
        by: Option<Scope>,
        /// How many of the newest runs
        #[arg(long, default_value_t = 20, conflicts_with = "run",
              value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Switch spending off: no call of a model begins any more; or on again
    ///
    /// Runs that are under way end as `stopped` before their next call. `cadre cancel` ends one run
    /// and leaves its switch alone.
    Stop {
        #[arg(value_name = "SCOPE")]
        scope: Scope,
        /// Of the run, the agent or the user
        id: Option<Uuid>,
        /// Why: whoever is stopped is told
        #[arg(long, value_name = "TEXT", required_unless_present = "resume")]
        reason: Option<String>,
        /// On again
        #[arg(long, conflicts_with = "reason")]
        resume: bool,
    },
    /// Print a shell's completions: cadre completions bash > ~/.local/share/bash-completion/completions/cadre
    Completions { shell: Shell },
}

/// Whose account.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    Run,
    Agent,
    User,
    Tenant,
    Day,
}

impl Scope {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Tenant => "tenant",
            Self::Day => "day",
        }
    }
}

/// The issuer must know the client as one without a secret, with http://127.0.0.1:PORT/callback
/// as an address to be called back at. All of these can stand in config.toml, as `issuer`,
/// `client_id`, `audience`, `organization`, `port`.
#[derive(Args)]
pub(crate) struct Login {
    /// Who issues the tokens: its exact `iss`, such as https://example.eu.auth0.com/
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The issuer's client for terminals
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The API's identifier at the issuer
    #[arg(long, value_name = "URI")]
    pub(crate) audience: Option<String>,
    /// The organization to sign in to, where you have several
    #[arg(long, value_name = "ID")]
    pub(crate) organization: Option<String>,
    /// Where the browser comes back to on this machine [default: 8976]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Only print the address to open
    #[arg(long)]
    pub(crate) no_browser: bool,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Definitions {
    #[command(subcommand)]
    pub(crate) verb: Option<Which>,
}

#[derive(Subcommand)]
pub(crate) enum Which {
    /// All of them, newest first
    List,
    /// One, by its name in the list
    Show { slug: String },
}

#[derive(Args)]
pub(crate) struct Run {
    /// A published workflow: NAME, or NAME@1.2.0
    pub(crate) workflow: String,
    /// A text or Markdown file; `-` is the input
    #[arg(long, value_name = "FILE")]
    pub(crate) brief: PathBuf,
    /// Language to write in, such as nl; the brief's own without
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Option<String>,
    /// Most tokens the run may use
    #[arg(long, value_name = "TOKENS")]
    pub(crate) token_cap: Option<i64>,
    /// Most money the run may spend, in millionths of a US dollar
    #[arg(long, value_name = "MICROS")]
    pub(crate) micros_cap: Option<i64>,
    /// Idempotency key; give the same again to repeat a start that was cut off
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Follow it until it ends, as `cadre follow`; with --json the run is the first line
    #[arg(long)]
    pub(crate) follow: bool,
}
