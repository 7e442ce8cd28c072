//! Commands about extents.

use super::super::super::kql::lexer::TokenKind;
use super::super::super::kql::parser::{Parsed, Parser};
use super::super::super::timespan::{TICKS_PER_DAY, TICKS_PER_HOUR};
use super::super::super::value::Value;
use super::super::command::{
    Command, ExtentChoice, ExtentFilter, ExtentPlace, TableNames, TagTest,
};
use super::{at_end, guid, guids, table_name, table_names, tail};

/// `[(IDS)] [hot] [where tags TEST 'T' and ...]`; everything is hot here.
pub(super) fn show(p: &mut Parser<'_>, place: ExtentPlace) -> Parsed<Command> {
    let mut filter = ExtentFilter::default();
    if *p.peek() == TokenKind::Symbol("(") {
        filter.ids = guids(p)?;
    }
    p.eat_word("hot");
    if p.eat_word("where") {
        filter.tags.push(tag_test(p)?);
        while p.eat_word("and") {
            filter.tags.push(tag_test(p)?);
        }
    }
    Ok(Command::ShowExtents { place, filter })
}

fn tag_test(p: &mut Parser<'_>) -> Parsed<TagTest> {
    p.expect_word("tags")?;
    let (contains, negated) = match p.peek() {
        TokenKind::Word(word) if word == "has" => (false, false),
        TokenKind::Word(word) if word == "!has" => (false, true),
        TokenKind::Word(word) if word == "contains" => (true, false),
        TokenKind::Word(word) if word == "!contains" => (true, true),
        _ => return Err(p.expected("'has', '!has', 'contains' or '!contains'")),
    };
    p.advance();
    Ok(TagTest {
        contains,
        negated,
        text: p.string("a tag")?,
    })
}

/// What follows `.drop` and `.drop-pretend`: `extent ID from T`, `extents (IDS) [from T]`,
/// `extents [older N days] from WHERE`, `extents [whatif] <| QUERY`.
pub(super) fn drop(p: &mut Parser<'_>, pretend: bool) -> Parsed<Command> {
    if p.eat_word("extent") {
        let choice = ExtentChoice::Ids(vec![guid(p)?]);
        let tables = from(p)?;
        return Ok(Command::DropExtents {
            choice,
            tables,
            pretend,
        });
    }
    p.expect_word("extents")?;
    let whatif = p.eat_word("whatif");
    if whatif || *p.peek() == TokenKind::Symbol("<|") {
        return Ok(Command::DropExtents {
            choice: ExtentChoice::Query(tail(p)?),
            tables: None,
            pretend: pretend || whatif,
        });
    }
    let choice = if *p.peek() == TokenKind::Symbol("(") {
        ExtentChoice::Ids(guids(p)?)
    } else if p.eat_word("older") {
        ExtentChoice::Age(Some(age(p)?))
    } else {
        ExtentChoice::Age(None)
    };
    let tables = match &choice {
        ExtentChoice::Ids(_) if at_end(p) => None,
        _ => from(p)?,
    };
    Ok(Command::DropExtents {
        choice,
        tables,
        pretend,
    })
}

/// `10 days`, `3 hours`
fn age(p: &mut Parser<'_>) -> Parsed<i64> {
    let TokenKind::Literal(Value::Long(count), _) = *p.peek() else {
        return Err(p.expected("a number of days or hours"));
    };
    let start = p.clone();
    p.advance();
    let unit = match p.eat_word("days") {
        true => TICKS_PER_DAY,
        false => {
            p.expect_word("hours")?;
            TICKS_PER_HOUR
        }
    };
    count
        .checked_mul(unit)
        .ok_or_else(|| start.error("the age is too great"))
}

/// `from T`, `from tables (T, U)`, `from all tables`
fn from(p: &mut Parser<'_>) -> Parsed<Option<TableNames>> {
    p.expect_word("from")?;
    if p.eat_word("all") {
        p.expect_word("tables")?;
        return Ok(None);
    }
    if p.eat_word("tables") {
        return table_names(p).map(Some);
    }
    Ok(Some(table_name(p)?.into()))
}
