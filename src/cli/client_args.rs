use clap::Args;

use super::parsers::number;

/// The options of a lab's client, with help from help.rs. `PORT` is the default.
#[derive(Args, Clone, Debug)]
pub struct ClientArgs<const PORT: u16> {
    #[arg(value_name = "HOST", default_value = "127.0.0.1", hide_default_value = true)]
    pub host: String,
    #[arg(id = "server_port", long = "port", value_name = "N", default_value_t = PORT, hide_default_value = true, value_parser = number::<u16>(1, 65535))]
    pub port: u16,
    #[arg(long)]
    pub plain: bool,
}
