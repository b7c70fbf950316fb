//! In: SQL in which named queries stand in place of tables, such as `from @storms` or `from @above(threshold = 30) a`; out: the
//! same SQL with subqueries there.

use std::iter::Peekable;
use std::vec::IntoIter;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

use crate::error::{Error, Result};
use crate::named::NamedQueries;

impl NamedQueries {
    /// The text with each `@NAME` and `@NAME(parameter = value, …)` as the query in brackets. Text without them stays as it is,
    /// as does text that is no SQL, of which the parser says why.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a query that is not there, and for a value that is missing or does not fit.
    pub fn expand(&self, sql: &str) -> Result<String> {
        if !sql.contains('@') {
            return Ok(sql.to_owned());
        }
        let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else {
            return Ok(sql.to_owned());
        };
        let mut tokens = tokens.into_iter().peekable();
        let mut expanded = String::new();
        while let Some(token) = tokens.next() {
            let Some(first) = at_word(&token) else {
                expanded.push_str(&token.to_string());
                continue;
            };
            let name = self.whole_name(first, &mut tokens);
            let given = if tokens.next_if_eq(&Token::LParen).is_some() {
                arguments(&name, &mut tokens)?
            } else {
                Vec::new()
            };
            // A comment at its end ends with its line.
            let query = self.find(&name)?.bind(&given)?;
            expanded.extend(["(\n", query.as_str(), "\n)"]);
        }
        Ok(expanded)
    }

    /// The name that begins with a word: with the words after hyphens for as long as queries have such names.
    fn whole_name(&self, first: &str, tokens: &mut Peekable<IntoIter<Token>>) -> String {
        let mut name = first.to_owned();
        loop {
            let mut ahead = tokens.clone();
            let (Some(Token::Minus), Some(Token::Word(word))) = (ahead.next(), ahead.next()) else {
                return name;
            };
            let longer = format!("{name}-{}", word.value);
            if !self.queries().iter().any(|query| query.name.starts_with(&longer)) {
                return name;
            }
            name = longer;
            *tokens = ahead;
        }
    }
}

/// The word after an `@`; none for another token, and for two of them.
fn at_word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => {
            value.strip_prefix('@').filter(|name| !name.is_empty() && !name.starts_with('@'))
        }
        _ => None,
    }
}

/// The parameters up to the closing bracket.
fn arguments(query: &str, tokens: &mut Peekable<IntoIter<Token>>) -> Result<Vec<(String, String)>> {
    let mut given = Vec::new();
    let mut words = String::new();
    let mut name: Option<String> = None;
    let mut depth = 0;
    for token in tokens {
        match token {
            Token::Eq | Token::RArrow | Token::Assignment if name.is_none() => {
                name = Some(std::mem::take(&mut words));
            }
            Token::Comma | Token::RParen if depth == 0 => {
                let value = std::mem::take(&mut words).trim().to_owned();
                match name.take() {
                    Some(name) => given.push((name.trim().to_owned(), value)),
                    None if value.is_empty() => {}
                    None => {
                        return Err(Error::Parameter {
                            query: query.to_owned(),
                            found: format!("`{value}` is no parameter = value"),
                            hint: format!("such as @{query}(name = value)"),
                        });
                    }
                }
                if token == Token::RParen {
                    return Ok(given);
                }
            }
            Token::SingleQuotedString(text) => words.push_str(&text),
            other => {
                depth += i32::from(other == Token::LParen) - i32::from(other == Token::RParen);
                words.push_str(&other.to_string());
            }
        }
    }
    Err(Error::Parameter {
        query: query.to_owned(),
        found: "the bracket after it is not closed".into(),
        hint: format!("such as @{query}(name = value)"),
    })
}
