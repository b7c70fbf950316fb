//! Who may ask: a request in; what it asks for, or why it is refused, out.
//!
//! Other users of the machine can reach the port, and so can pages from elsewhere in the user's own browser. The former do not
//! know the token in the address. The latter neither know it nor may ask: they say where they are from (`Origin`,
//! `Sec-Fetch-Site`), or, by a name of their own that leads to this machine, another `Host`.

use axum::http::{HeaderMap, Method, StatusCode, header};

use crate::failure::Failure;

/// What a request must say.
#[derive(Debug, Clone)]
pub struct Guard {
    token: String,
    hosts: [String; 2],
}

impl Guard {
    /// A guard of a port, with a token of its own.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(port: u16) -> Result<Self, Failure> {
        let mut bytes = [0_u8; 24];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::error(format!("the system gives no random numbers: {error}")))?;
        let digit = |number: u8| char::from_digit(number.into(), 16).unwrap_or_default();
        let token = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        Ok(Self { token, hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")] })
    }

    /// The address of the page.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}/{}/", self.hosts[0], self.token)
    }

    /// What a request asks for: its path behind the token.
    ///
    /// # Errors
    /// The status of a request that is refused.
    pub fn asked<'a>(
        &self,
        method: &Method,
        path: &'a str,
        headers: &HeaderMap,
    ) -> Result<&'a str, StatusCode> {
        let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = value(header::HOST.as_str()).unwrap_or_default();
        if headers.get_all(header::HOST).iter().count() != 1 || !self.hosts.iter().any(|known| known == host)
        {
            return Err(StatusCode::MISDIRECTED_REQUEST);
        }
        let is_own = |origin: &str| origin.strip_prefix("http://") == Some(host);
        if value(header::ORIGIN.as_str()).is_some_and(|origin| !is_own(origin)) {
            return Err(StatusCode::FORBIDDEN);
        }
        let (token, asked) = path.strip_prefix('/').and_then(|path| path.split_once('/')).unwrap_or(("", ""));
        // A link to the page may stand anywhere; nothing else of it is for others.
        let follows_link = asked.is_empty()
            && value("sec-fetch-mode") == Some("navigate")
            && value("sec-fetch-dest") == Some("document");
        let is_from_here = value("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
        if !is_from_here && !follows_link {
            return Err(StatusCode::FORBIDDEN);
        }
        if !is_equal(token.as_bytes(), self.token.as_bytes()) {
            return Err(StatusCode::FORBIDDEN);
        }
        if method != Method::GET && method != Method::HEAD {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        Ok(asked)
    }
}

/// Whether two texts are equal, in a time that does not tell where they differ.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |found, (a, b)| std::hint::black_box(found | (a ^ b)));
    a.len() == b.len() && differences == 0
}
