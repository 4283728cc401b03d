//! `vsctl subscription dead-letter`: what could not be delivered.

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use vanus_types::{SubscriptionId, limits::MAX_DEAD_LETTERS};

use super::IdFlag;
use crate::{
    context::Context,
    error::CliError,
    event::{self, EventView},
};

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetterCommand {
    /// Read dead letters, oldest first, with the reason each was given up for
    #[command(after_help = "Examples:
  vsctl subscription dead-letter get --id 00000000000000AB
  vsctl subscription dead-letter get --id 00000000000000AB --offset 12 --number 100")]
    Get {
        #[command(flatten)]
        id: IdFlag,
        /// The first offset of the dead letter eventlog; else the first not sent again
        #[arg(long)]
        offset: Option<u64>,
        /// Most dead letters
        #[arg(long, default_value_t = 10)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
        number: u32,
    },
    /// Deliver dead letters once more, with all their attempts
    #[command(after_help = "Examples:
  vsctl subscription dead-letter resend --id 00000000000000AB
  vsctl subscription dead-letter resend --id 00000000000000AB --start 3 --end 7")]
    Resend {
        #[command(flatten)]
        id: IdFlag,
        /// The first offset of the dead letter eventlog
        #[arg(long, default_value_t = 0, value_name = "OFFSET")]
        start: u64,
        /// The last offset, included; else all
        #[arg(long, value_name = "OFFSET")]
        end: Option<u64>,
    },
}

/// The answer of `get`.
#[derive(Debug, Serialize)]
struct Letters {
    dead_letters: Vec<EventView>,
    next_offset: u64,
    end_offset: u64,
}

impl DeadLetterCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Get { id, offset, number } => get(context, id.id, offset, number).await,
            Self::Resend { id, start, end } => resend(context, id.id, start, end).await,
        }
    }
}

async fn get(
    context: &Context,
    id: SubscriptionId,
    mut from: Option<u64>,
    number: u32,
) -> Result<(), CliError> {
    let (admin, output) = (context.admin().await?, context.output());
    let most = u32::try_from(MAX_DEAD_LETTERS).unwrap_or(u32::MAX);
    let mut letters = Letters {
        dead_letters: Vec::new(),
        next_offset: 0,
        end_offset: 0,
    };
    loop {
        let taken = u32::try_from(letters.dead_letters.len()).unwrap_or(u32::MAX);
        let wanted = number.saturating_sub(taken).min(most);
        if wanted == 0 {
            break;
        }
        let page = admin.get_dead_letters(id, from, wanted).await?;
        letters
            .dead_letters
            .extend(page.letters.into_iter().map(EventView::from));
        (letters.next_offset, letters.end_offset) = (page.next_offset, page.end_offset);
        if page.next_offset >= page.end_offset || from == Some(page.next_offset) {
            break;
        }
        from = Some(page.next_offset);
    }
    if output.is_json() {
        return output.json(&letters);
    }
    let columns = ["OFFSET", "SINCE", "REASON", "TYPE", "ID", "DATA"];
    output.many(
        &letters.dead_letters,
        "There are no dead letters.",
        &columns,
        |letter| {
            vec![
                letter.offset().to_string(),
                letter.append_time().to_owned(),
                event::attribute(letter.event(), "xvanusdlreason"),
                letter.event().ty().to_owned(),
                letter.event().id().to_owned(),
                event::data_text(letter.event(), 32),
            ]
        },
    )
}

async fn resend(
    context: &Context,
    id: SubscriptionId,
    start: u64,
    end: Option<u64>,
) -> Result<(), CliError> {
    if end.is_some_and(|end| end < start) {
        return Err(CliError::argument("--end lies before --start"));
    }
    let admin = context.admin().await?;
    let (mut from, mut resent) = (start, 0);
    loop {
        let report = admin.resend_dead_letters(id, from, end).await?;
        resent += report.resent;
        if report.done || report.next_offset <= from {
            break;
        }
        from = report.next_offset;
    }
    let sentence = match resent {
        0 => "There was no dead letter to deliver.".to_owned(),
        1 => "1 dead letter is being delivered once more.".to_owned(),
        many => format!("{many} dead letters are being delivered once more."),
    };
    context
        .output()
        .done(&json!({ "subscription": id, "resent": resent }), &sentence)
}
