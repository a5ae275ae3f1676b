//! The labels on engine resources. Those of Compose are written as Compose writes them, so that
//! `docker compose ps`, Docker Desktop and editors see the stack; devstack's own hold what Compose
//! has no label for.

/// The project's name. Whatever does not carry it is not ours to touch.
pub const PROJECT: &str = "com.docker.compose.project";
/// The service's key.
pub const SERVICE: &str = "com.docker.compose.service";
/// The container's number within its service, from 1.
pub const CONTAINER_NUMBER: &str = "com.docker.compose.container-number";
/// A digest of the whole definition; Compose ignores containers without it.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// `True` for containers of `run`.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// What tells containers of `run` apart.
pub const SLUG: &str = "com.docker.compose.slug";
/// On containers of hooks, those that are run beside the service's own: `pre_start`.
pub const HOOK: &str = "com.docker.compose.hook";
/// `SERVICE:CONDITION:RESTART`, separated by commas.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// The project's folder: whose the name is when two checkouts would have the same.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// The files that were read, separated by commas.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// The `.env` files that were read, separated by commas.
pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
/// Who made it, and which version.
pub const VERSION: &str = "com.docker.compose.version";
/// On networks: the key under `networks:`.
pub const NETWORK: &str = "com.docker.compose.network";
/// On volumes: the key under `volumes:`.
pub const VOLUME: &str = "com.docker.compose.volume";

/// One short digest per field of the service, `FIELD=DIGEST` separated by commas, so that a plan
/// can name the field that changed.
pub const DIGESTS: &str = "dev.devstack.digests";
/// Host ports that devstack chose, `ADDRESS:PREFERRED:TARGET/PROTOCOL=PORT` separated by commas.
pub const PORTS: &str = "dev.devstack.ports";
/// On images: what they were built from, as [`DIGESTS`] but of the `build` section, of all files of
/// the context together and of base images.
pub const BUILD: &str = "dev.devstack.build";
/// On images: eight characters for each file that they were built from.
pub const BUILD_FILES: &str = "dev.devstack.build.files";
/// Seconds that it is given to stop; the engine's lists do not tell.
pub const STOP_GRACE: &str = "dev.devstack.stop-grace";
/// On images: `local-build` when it was built from packages in place of the official image.
pub const IMAGE_ORIGIN: &str = "dev.devstack.image.origin";
/// On images: what it is, where it is not the software that its name says.
pub const IMAGE_STAND_IN: &str = "dev.devstack.image.stand-in";
