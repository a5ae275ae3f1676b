//! A container's own process: its streams, its terminal, its end; and standing still.

use bollard::errors::Error as BollardError;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, InspectContainerOptions, ResizeContainerTTYOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;

use super::calls::already;
use super::error::{EngineError, EngineErrorKind};
use super::exec::ExecStreams;
use super::{DockerEngine, Engine as _};
use crate::state::ContainerId;

/// What a container's process is connected with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStreams {
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether it can be typed to.
    pub stdin: bool,
}

impl DockerEngine {
    /// What the container's process is connected with.
    ///
    /// # Errors
    /// When the container is gone.
    pub async fn process_streams(&self, id: &ContainerId) -> Result<ProcessStreams, EngineError> {
        let answer = self
            .docker
            .inspect_container(&id.0, None::<InspectContainerOptions>)
            .await
            .map_err(|error| self.error("inspect container", id.short(), &error))?;
        let config = answer.config.unwrap_or_default();
        Ok(ProcessStreams {
            tty: config.tty.unwrap_or_default(),
            stdin: config.open_stdin.unwrap_or_default(),
        })
    }

    /// Connects with the streams of the container's process. The keys that detach from it are
    /// written as the docker CLI writes them, such as `ctrl-p,ctrl-q`.
    ///
    /// # Errors
    /// When the container is gone.
    pub async fn attach(
        &self,
        id: &ContainerId,
        stdin: bool,
        detach_keys: Option<&str>,
    ) -> Result<ExecStreams, EngineError> {
        let mut options = AttachContainerOptionsBuilder::default()
            .stdin(stdin)
            .stdout(true)
            .stderr(true)
            .stream(true);
        if let Some(keys) = detach_keys {
            options = options.detach_keys(keys);
        }
        let attached = self
            .docker
            .attach_container(&id.0, Some(options.build()))
            .await
            .map_err(|error| self.error("attach to container", id.short(), &error))?;
        let subject = id.short().to_owned();
        let output = self.output_of(attached.output, "attach to container", subject);
        Ok(ExecStreams { id: id.0.clone(), output, input: attached.input })
    }

    /// Tells the terminal of the container's process its size.
    ///
    /// # Errors
    /// When the container does not run.
    pub async fn resize_container(
        &self,
        id: &str,
        width: u16,
        height: u16,
    ) -> Result<(), EngineError> {
        let options = ResizeContainerTTYOptionsBuilder::default()
            .w(i32::from(width))
            .h(i32::from(height))
            .build();
        self.docker
            .resize_container_tty(id, options)
            .await
            .map_err(|error| self.error("resize the terminal of", id, &error))
    }

    /// Waits until the container does not run; returns its exit code.
    ///
    /// # Errors
    /// When the container is gone, or is removed before its exit code is known.
    pub async fn wait_container(&self, id: &ContainerId) -> Result<i64, EngineError> {
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut answers = std::pin::pin!(self.docker.wait_container(&id.0, Some(options)));
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(BollardError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(self.error("wait for container", id.short(), &error)),
            // The connection ended without an answer.
            None => Ok(self.inspect_container(id).await?.exit_code),
        }
    }

    /// Makes a container's processes stand still. One that does already is not an error.
    ///
    /// # Errors
    /// When the container does not run.
    pub async fn pause_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.paused(self.docker.pause_container(&id.0).await, "pause", id, "already paused")
    }

    pub(super) fn paused(
        &self,
        result: Result<(), BollardError>,
        action: &'static str,
        id: &ContainerId,
        already_so: &str,
    ) -> Result<(), EngineError> {
        match already(result, &[304]).map_err(|error| self.error(action, id.short(), &error)) {
            // The engine has one answer for all that it will not do, and says the reason in words.
            Err(EngineError {
                kind: EngineErrorKind::Conflict(reason) | EngineErrorKind::Refused(reason),
                ..
            }) if reason.contains(already_so) => Ok(()),
            other => other,
        }
    }
}
