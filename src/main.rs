//! The process edge: completions, the runtime, the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    devstack::cli::complete();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "error: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(devstack::cli::main());
    // A thread may still wait for a key on standard input; it must not hold up the exit.
    runtime.shutdown_background();
    code
}
