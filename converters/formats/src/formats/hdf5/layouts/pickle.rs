//! Pickled lists of strings, as PyTables keeps column names in attributes: text in, names out.
//!
//! Only what protocol 0 writes for such a list is understood (opcodes `(`, `l`, `p`, `V`, `S`, `a`
//! and `.` of Python's `pickletools`); nothing is ever executed.

/// The strings of `(lp0\nVair_temperature\np1\naVwind_speed_rate\np2\na.`, or `None` for anything else.
pub fn strings(pickled: &str) -> Option<Vec<String>> {
    let mut rest = pickled.strip_prefix("(l")?;
    let mut strings = Vec::new();
    let mut pending = None;
    loop {
        let opcode = rest.chars().next()?;
        rest = rest.get(opcode.len_utf8()..)?;
        match opcode {
            'V' | 'S' => {
                let (line, after) = rest.split_once('\n')?;
                let text = match opcode {
                    'S' => line.strip_prefix('\'')?.strip_suffix('\'')?,
                    _ => line,
                };
                // Escapes stand for characters that no column name here has.
                if text.contains('\\') || pending.replace(text.to_owned()).is_some() {
                    return None;
                }
                rest = after;
            }
            'p' => rest = rest.split_once('\n')?.1,
            'a' => strings.push(pending.take()?),
            '.' => return (pending.is_none() && rest.is_empty()).then_some(strings),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_strings_and_nothing_else() {
        let two = "(lp0\nVair_temperature\np1\naVwind_speed_rate\np2\na.";
        assert_eq!(strings(two).unwrap(), ["air_temperature", "wind_speed_rate"]);
        assert_eq!(strings("(lp1\nS'values'\np2\na.").unwrap(), ["values"]);
        assert_eq!(strings("(lp0\n.").unwrap(), [""; 0]);
        for other in
            ["", "integer", "N.", "(lp0\n(I0\nVindex\np1\ntp2\na.", "(lp0\nVa\np1\n", "cos\nsystem\n."]
        {
            assert_eq!(strings(other), None, "{other}");
        }
    }
}
