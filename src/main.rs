//! The program: parse the command line, run it, turn an error into an exit code.

use std::process::ExitCode;

use linktrail::engines::clickhouse;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(command) if command == clickhouse::COMMAND => clickhouse::run(arguments),
        _ => {
            eprintln!("linktrail: no such command");
            ExitCode::from(2)
        }
    }
}
