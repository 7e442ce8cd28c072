//! The names that `let` statements and function parameters give.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::bound::Bound;
use super::patterns::Mapping;
use super::relation::Relation;
use super::restriction::{Entity, may_see};
use super::user_functions::Function;

/// What a name means.
#[derive(Clone)]
pub enum Binding {
    /// What needs no row: a constant, or what is new each time, such as `new_guid()`.
    Scalar(Bound),
    /// Rows.
    Table(Relation),
    /// A function.
    Function(Arc<Function>),
    /// A pattern.
    Pattern(Arc<Mapping>),
}

/// The names of one block of statements, and the block around it.
#[derive(Default)]
pub struct Frame<'f> {
    /// The block around, and how many of its names were there when this one was written: a
    /// function sees what stands before it, so it never sees itself.
    outer: Option<(&'f Frame<'f>, usize)>,
    names: HashMap<String, (usize, Binding)>,
    /// The names of what draws lots.
    drawing: HashSet<String>,
    /// Whether what it knows depends on an argument or on rows around.
    varies: bool,
    /// Other names of databases.
    aliases: HashMap<String, String>,
    /// What the statements see that come when there are more names than this.
    restrictions: Vec<(usize, Vec<Entity>)>,
}

/// A binding, and where it was found.
pub struct Found<'f> {
    /// What the name means.
    pub binding: &'f Binding,
    /// The block that has it.
    pub frame: &'f Frame<'f>,
    /// How many names the block had before it.
    pub before: usize,
}

impl<'f> Frame<'f> {
    /// A block in which the first `visible` names of another one are known.
    pub fn inside(outer: &'f Frame<'f>, visible: usize) -> Self {
        Self {
            outer: Some((outer, visible)),
            varies: true,
            ..Self::default()
        }
    }

    /// The block of a function's body, which sees what stands before the function; one without parameters sees the
    /// same in every call.
    pub(super) fn of_call(self, has_parameters: bool) -> Self {
        let around = self.outer.is_some_and(|(outer, _)| outer.varies);
        Self {
            varies: around || has_parameters,
            ..self
        }
    }

    /// Whether what it knows is always the same.
    pub(super) fn is_plain(&self) -> bool {
        !self.varies
    }

    /// Notes that the name stands for what draws lots.
    pub(super) fn mark_drawing(&mut self, name: &str) {
        self.drawing.insert(name.to_owned());
    }

    /// Whether the name stands for what draws lots.
    pub(super) fn draws(&'f self, name: &str) -> bool {
        let found = self.find(name);
        found.is_some_and(|found| found.frame.drawing.contains(name))
    }

    /// Gives a database another name.
    pub(super) fn alias(&mut self, name: &str, database: &str) {
        self.aliases.insert(name.to_owned(), database.to_owned());
    }

    /// What the name of a database means here.
    pub(super) fn database<'n>(&'n self, name: &'n str) -> &'n str {
        let mut frame = self;
        loop {
            match (frame.aliases.get(name), frame.outer) {
                (Some(database), _) => return database,
                (None, Some((outer, _))) => frame = outer,
                (None, None) => return name,
            }
        }
    }

    /// From now on only these, and what comes later, are seen.
    pub(super) fn restrict(&mut self, entities: Vec<Entity>) {
        self.restrictions.push((self.names.len(), entities));
    }

    /// The restrictions that hold here.
    pub(super) fn restrictions(&'f self) -> impl Iterator<Item = &'f [Entity]> {
        let first = Some((self, usize::MAX));
        let frames = std::iter::successors(first, |(frame, _)| frame.outer);
        frames.flat_map(|(frame, visible)| {
            let of_frame = frame.restrictions.iter();
            let holding = of_frame.filter(move |(at, _)| *at <= visible);
            holding.map(|(_, entities)| entities.as_slice())
        })
    }

    /// Whether a name, one of the first `visible`, is hidden by a restriction behind it.
    fn hides(&self, name: &str, at: usize, visible: usize, binding: &Binding) -> bool {
        let mut holding = self.restrictions.iter();
        holding.any(|(from, entities)| {
            (at + 1..=visible).contains(from) && !may_see(entities, name, binding)
        })
    }

    /// Gives a name a meaning. False when it has one already in this block.
    pub fn bind(&mut self, name: &str, binding: Binding) -> bool {
        let at = self.names.len();
        if self.names.contains_key(name) {
            return false;
        }
        self.names.insert(name.to_owned(), (at, binding));
        true
    }

    /// What the name means here.
    pub fn find(&'f self, name: &str) -> Option<Found<'f>> {
        let (mut frame, mut visible) = (self, usize::MAX);
        loop {
            match frame.names.get(name) {
                Some((before, binding))
                    if *before < visible && !frame.hides(name, *before, visible, binding) =>
                {
                    return Some(Found {
                        binding,
                        frame,
                        before: *before,
                    });
                }
                _ => (frame, visible) = frame.outer?,
            }
        }
    }

    /// Every name known here that `wanted` chooses, with its meaning, in alphabetical order.
    pub fn all(&'f self, wanted: impl Fn(&str) -> bool) -> Vec<(&'f str, &'f Binding)> {
        let mut found: Vec<(&str, &Binding)> = Vec::new();
        let (mut frame, mut visible) = (self, usize::MAX);
        loop {
            for (name, (at, binding)) in &frame.names {
                let is_seen = *at < visible && !frame.hides(name, *at, visible, binding);
                if is_seen && wanted(name) && !found.iter().any(|(known, _)| known == name) {
                    found.push((name, binding));
                }
            }
            let Some(outer) = frame.outer else { break };
            (frame, visible) = outer;
        }
        found.sort_by_key(|(name, _)| *name);
        found
    }
}
