//! The page's server: a port of the loopback address and what the page knows in, answers out, until a signal ends it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::answer::{Answer, answer};
use super::archive::Archive;
use super::assets::asset;
use super::guard::Guard;
use crate::failure::Failure;

/// How long open connections may take to end.
const PATIENCE: Duration = Duration::from_millis(500);
/// Nothing but the page's own files is loaded; pictures that it makes itself are `data:` and `blob:`. The lone style elements that
/// plotly.js makes are taken over by the page's own, see `style.css`.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    guard: Guard,
}

impl Server {
    /// Listens on a port of 127.0.0.1; 0 takes one that is free.
    ///
    /// # Errors
    /// A port that is in use or may not be taken.
    pub fn listen(port: u16) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            let failure = Failure::error(format!("127.0.0.1:{port}: cannot listen: {error}"));
            if port == 0 { failure } else { failure.hint("without --port a free one is taken") }
        };
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(failed)?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port))).map_err(failed)?;
        let guard = Guard::new(listener.local_addr().map_err(failed)?.port())?;
        Ok(Self { runtime, listener, guard })
    }

    /// The address of the page.
    #[must_use]
    pub fn address(&self) -> String {
        self.guard.address()
    }

    /// Answers until Ctrl-C, SIGTERM or SIGHUP. `begin` is called once these end it in an orderly way; what it returns is dropped at
    /// the end.
    ///
    /// # Errors
    /// The system allows no watch for signals, or no further connections.
    pub fn run<T>(self, archive: Archive, begin: impl FnOnce() -> T) -> Result<(), Failure> {
        let end = Arc::new(Notify::new());
        watch(&end).map_err(|error| Failure::error(format!("cannot watch for signals: {error}")))?;
        let _begun = begin();
        let state = Arc::new((archive, self.guard));
        let router = Router::new().fallback(respond).with_state(state);
        let served = self.runtime.block_on(async move {
            let ending = Arc::new(Notify::new());
            let began = Arc::clone(&ending);
            let serving = axum::serve(self.listener, router).with_graceful_shutdown(async move {
                end.notified().await;
                began.notify_one();
            });
            // A connection that does not end must not hold the process.
            let late = async {
                ending.notified().await;
                tokio::time::sleep(PATIENCE).await;
            };
            tokio::select! {
                served = serving.into_future() => served,
                () = late => Ok(()),
            }
        });
        self.runtime.shutdown_background();
        served.map_err(|error| Failure::error(format!("the server stopped: {error}")))
    }
}

/// Tells `end` when the process is asked to end. A signal that it was started to ignore stays ignored.
fn watch(end: &Arc<Notify>) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use isd_dataset::interrupt::is_ignored;
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let is_watched = |signal: &i32| !is_ignored(*signal).unwrap_or(*signal == SIGHUP);
        let watched = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(is_watched);
        let mut signals = signal_hook::iterator::Signals::new(watched)?;
        let end = Arc::clone(end);
        std::thread::Builder::new().name("interrupt".into()).spawn(move || {
            if signals.forever().next().is_some() {
                end.notify_one();
            }
        })?;
    }
    #[cfg(not(unix))]
    let _ = end;
    Ok(())
}

async fn respond(State(state): State<Arc<(Archive, Guard)>>, request: Request) -> Response<Body> {
    let asked = state.1.asked(request.method(), request.uri().path(), request.headers());
    let asked = match asked {
        Ok(asked) => asked.to_owned(),
        Err(status) => return refusal(status),
    };
    if let Some((kind, text)) = asset(&asked) {
        return response(StatusCode::OK, kind, text);
    }
    let Some(question) = asked.strip_prefix("api/").map(str::to_owned) else {
        return refusal(StatusCode::NOT_FOUND);
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let read = tokio::task::spawn_blocking(move || answer(&state.0, &question, &query));
    match read.await {
        Ok(Ok(Some(Answer::Json(json)))) => response(StatusCode::OK, JSON, json.to_string()),
        Ok(Ok(Some(Answer::Csv(text)))) => {
            let mut response = response(StatusCode::OK, "text/csv; charset=utf-8", text);
            let name = HeaderValue::from_static("attachment; filename=\"series.csv\"");
            response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
            response
        }
        Ok(Ok(None)) => refusal(StatusCode::NOT_FOUND),
        Ok(Err(failure)) => {
            let status = if failure.status == 2 { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
            let said = serde_json::json!({ "error": failure.message, "hint": failure.hint });
            response(status, JSON, said.to_string())
        }
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

const JSON: &str = "application/json";

fn refusal(status: StatusCode) -> Response<Body> {
    let reason = status.canonical_reason().unwrap_or("refused");
    response(status, "text/plain; charset=utf-8", format!("{reason}\n"))
}

fn response(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers(kind);
    response
}

fn headers(kind: &'static str) -> HeaderMap {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}
