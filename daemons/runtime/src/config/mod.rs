//! Configuration: every option has one name in the file, in the environment and on the command
//! line.
//!
//! ```text
//! defaults  <  configuration file  <  environment  <  command line
//! data_dir     data_dir: /srv/v       VANUS_DATA_DIR  --data-dir
//! ```
//!
//! All values are text and parsed the same way wherever they come from.

mod egress;
mod error;
mod load;
mod options;
mod reference;
mod secrets;
mod setting;

pub use egress::EgressAllow;
pub use error::ConfigError;
pub use load::{Loaded, Sources};
pub use options::{Config, OptionDoc};
pub use reference::reference_table;
pub use secrets::{KeyFile, ReadKey};
pub use setting::{ByteSize, DiskReserve, LogFormat, OptionalUrl};
