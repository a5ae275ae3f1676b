//! Commands inside containers.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error as BollardError;
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWrite;

use super::error::EngineError;
use super::{DockerEngine, ExecOutcome};
use crate::state::ContainerId;

/// Bytes of output that a quiet command keeps.
const OUTPUT_BYTES: usize = 4096;

/// A command to run for a person.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Whether it gets a terminal.
    pub tty: bool,
    /// Whether it gets our standard input.
    pub stdin: bool,
    /// Whether to leave it alone once it runs.
    pub detach: bool,
    /// User instead of the container's.
    pub user: Option<String>,
    /// Working directory instead of the container's.
    pub working_dir: Option<String>,
    /// Further `NAME=VALUE` pairs.
    pub environment: Vec<String>,
    /// Whether it has all rights.
    pub privileged: bool,
}

/// The ends of a running command.
pub struct ExecStreams {
    /// The engine's id of it.
    pub id: String,
    /// What it prints: whether to standard error, and the bytes.
    pub output: BoxStream<'static, Result<(bool, Bytes), EngineError>>,
    /// Its standard input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl DockerEngine {
    /// Starts a command; `None` when it was started detached.
    ///
    /// # Errors
    /// When the container does not run or the program is not there.
    pub async fn exec(
        &self,
        id: &ContainerId,
        request: &ExecRequest,
    ) -> Result<Option<ExecStreams>, EngineError> {
        let subject = || format!("`{}` in container {id}", request.command.join(" "));
        let failed = |error| self.error("run", subject(), &error);
        let exec = self
            .docker
            .create_exec(
                &id.0,
                CreateExecOptions {
                    attach_stdin: Some(request.stdin),
                    attach_stdout: Some(true),
                    attach_stderr: Some(true),
                    tty: Some(request.tty),
                    env: Some(request.environment.clone()),
                    cmd: Some(request.command.clone()),
                    privileged: Some(request.privileged),
                    user: request.user.clone(),
                    working_dir: request.working_dir.clone(),
                    detach_keys: None,
                },
            )
            .await
            .map_err(failed)?;
        let options =
            StartExecOptions { detach: request.detach, tty: request.tty, output_capacity: None };
        match self.docker.start_exec(&exec.id, Some(options)).await.map_err(failed)? {
            StartExecResults::Detached => Ok(None),
            StartExecResults::Attached { output, input } => {
                let output = self.output_of(output, "run", subject());
                Ok(Some(ExecStreams { id: exec.id, output, input }))
            }
        }
    }

    /// What a process prints, as [`ExecStreams`] has it; `action` and `subject` are for its errors.
    pub(super) fn output_of(
        &self,
        output: impl Stream<Item = Result<LogOutput, BollardError>> + Send + 'static,
        action: &'static str,
        subject: String,
    ) -> BoxStream<'static, Result<(bool, Bytes), EngineError>> {
        let engine = self.clone();
        output
            .map(move |chunk| match chunk {
                Ok(LogOutput::StdErr { message }) => Ok((true, message)),
                Ok(
                    LogOutput::StdOut { message }
                    | LogOutput::StdIn { message }
                    | LogOutput::Console { message },
                ) => Ok((false, message)),
                Err(error) => Err(engine.error(action, subject.clone(), &error)),
            })
            .boxed()
    }

    /// Tells a command's terminal its size.
    ///
    /// # Errors
    /// When the command has ended.
    pub async fn resize_exec(&self, id: &str, width: u16, height: u16) -> Result<(), EngineError> {
        self.docker
            .resize_exec(id, ResizeExecOptions { height, width })
            .await
            .map_err(|error| self.error("resize the terminal of", id, &error))
    }

    /// A command's exit code, once it has ended.
    ///
    /// # Errors
    /// When the engine does not know the command any more.
    pub async fn exec_exit_code(&self, id: &str) -> Result<i64, EngineError> {
        // The output may end a moment before the engine has noted the exit code, or long before the
        // command does when it closed its output itself.
        let mut pause = std::time::Duration::from_millis(10);
        loop {
            let answer = self
                .docker
                .inspect_exec(id)
                .await
                .map_err(|error| self.error("inspect command", id, &error))?;
            if let (Some(false), Some(code)) = (answer.running, answer.exit_code) {
                return Ok(code);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(std::time::Duration::from_millis(200));
        }
    }

    pub(super) async fn exec_quietly(
        &self,
        id: &ContainerId,
        command: &[String],
    ) -> Result<ExecOutcome, EngineError> {
        let request = ExecRequest { command: command.to_vec(), ..ExecRequest::default() };
        self.exec_to_end(id, &request).await
    }

    /// Runs a command and waits for its end.
    pub(super) async fn exec_to_end(
        &self,
        id: &ContainerId,
        request: &ExecRequest,
    ) -> Result<ExecOutcome, EngineError> {
        let Some(mut streams) = self.exec(id, request).await? else {
            return Ok(ExecOutcome { code: 0, output: String::new() });
        };
        let mut kept = Vec::new();
        while let Some(chunk) = streams.output.next().await {
            let (_, bytes) = chunk?;
            let room = OUTPUT_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let code = self.exec_exit_code(&streams.id).await?;
        Ok(ExecOutcome { code, output: String::from_utf8_lossy(&kept).trim_end().to_owned() })
    }
}
