//! Plays one scenario in one language, and judges its results.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::answer::Answer;
use super::expect::{Expect, Want, text_of};
use super::inputs;
use super::message::Message;
use super::player::Player;
use super::scenario::{Scenario, Written};
use super::service::Service;
use super::step::{Action, Arm, Execute, Ingest, Outcomes, Step};
use super::substitute::Names;
use super::tell;

/// The state of one language's run of the scenarios.
pub(crate) struct Stage<'a> {
    pub(crate) service: &'a Service,
    pub(crate) player: &'a mut Player,
    /// For the files of this scenario.
    pub(crate) directory: PathBuf,
    /// A name that no other scenario of this service has.
    pub(crate) table: String,
}

/// Why a scenario failed.
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// Whether the player can continue.
    pub(crate) player_lost: bool,
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Failure {
            reason,
            player_lost: false,
        }
    }
}

/// A scenario while it is played.
struct Play<'a> {
    stage: &'a mut Stage<'a>,
    files: BTreeMap<String, PathBuf>,
    /// The answer to the start of an operation, or of a call in the background, if it was already
    /// an error.
    refused: BTreeMap<String, Answer>,
    /// How often rules fired that have been disarmed.
    fired: Vec<u64>,
}

/// Plays it, and says why it failed if it did.
pub(crate) fn run<'a>(stage: &'a mut Stage<'a>, written: &Written) -> Result<(), Failure> {
    stage.service.disarm()?;
    stage.service.entra.begin()?;
    let mut names = stage.service.names()?;
    names.set("table", &stage.table);
    names.set("directory", stage.directory.display().to_string());
    let mut play = Play {
        stage,
        files: BTreeMap::new(),
        refused: BTreeMap::new(),
        fired: Vec::new(),
    };
    // First, so that nothing of a failed scenario affects this one.
    play.ask(&Message::new("reset"), &Expect::fine())?;
    let scenario = play.set_up(written, &mut names)?;
    let steps = scenario.steps()?;
    if !steps.iter().any(|step| step.verb == "client") {
        let step = serde_json::from_value(Value::Object(Default::default()));
        let step = step.map_err(|error| error.to_string())?;
        let message = tell::client(&step, play.stage.service.connection()?)?;
        play.ask(&message, &Expect::fine())?;
    }
    for (n, step) in steps.iter().enumerate() {
        play.act(step).map_err(|failure| Failure {
            reason: format!("step {} ({}): {}", n + 1, step.verb, failure.reason),
            ..failure
        })?;
    }
    play.look_back(&scenario).map_err(Failure::from)
}

impl Play<'_> {
    /// Tables, files and blobs.
    fn set_up(&mut self, written: &Written, names: &mut Names) -> Result<Scenario, String> {
        let service = self.stage.service;
        let scenario = written.with(names)?;
        for (name, input) in &scenario.inputs {
            let path = inputs::write(&self.stage.directory, name, input)?;
            self.files.insert(name.clone(), path);
        }
        for (name, blob) in &scenario.blobs {
            let url = service.upload(&self.file(&blob.input)?, &blob.name)?;
            let address = url.split('?').next().unwrap_or_default();
            names.set(&format!("blob-address:{name}"), address);
            names.set(&format!("blob:{name}"), &url);
        }
        for command in &scenario.setup {
            service.command(command)?;
        }
        service.forget_messages()?;
        written.with(names)
    }

    fn file(&self, input: &str) -> Result<PathBuf, String> {
        let path = self.files.get(input);
        path.cloned()
            .ok_or_else(|| format!("there is no input {input:?}"))
    }

    fn act(&mut self, step: &Step) -> Result<(), Failure> {
        let expect = &step.expect;
        match &step.action {
            Action::Client(client) => {
                let message = tell::client(client, self.stage.service.connection()?)?;
                self.ask(&message, expect)
            }
            Action::Start(ingest) => self.start(ingest, &ingest.op),
            Action::Ingest(ingest) => self.ingest(ingest, expect),
            Action::Wait(operation) => self.wait(&operation.op, expect),
            Action::Cancel(operation) => {
                self.ask(&tell::of_operation("cancel", &operation.op), expect)
            }
            Action::Track(track) => self.call(step, &tell::track(track)),
            Action::Outcomes(outcomes) if step.action.background().is_none() => {
                self.outcomes(outcomes, expect)
            }
            Action::Outcomes(outcomes) => self.call(step, &tell::outcomes(outcomes)),
            Action::Execute(execute) if execute.until_logins.is_some() => {
                self.until_logins(execute, expect)
            }
            Action::Execute(execute) => self.call(step, &tell::execute(execute)?),
            Action::WarmUp(call) if call.eventually => {
                self.eventually(&tell::warm_up(call), expect)
            }
            Action::WarmUp(call) => self.call(step, &tell::warm_up(call)),
            Action::Close(call) => self.call(step, &tell::close(call)),
            Action::Arm(Arm { rule, entra: true }) => Ok(self.stage.service.entra.arm(rule)?),
            Action::Arm(Arm { rule, entra: false }) => Ok(self.stage.service.arm(rule)?),
            Action::Stalled(stalled) => Ok(self.stalled(stalled.rule)?),
            Action::Disarm => Ok(self.disarm()?),
            Action::Tokens(rules) => Ok(self.stage.service.entra.make_tokens(rules)?),
            Action::Device(device) => Ok(self.answer_device(&device.action)?),
            Action::Assertion(assertion) => {
                let file = self.stage.directory.join(&assertion.file);
                Ok(self.stage.service.entra.write_assertion(&file)?)
            }
        }
    }

    fn until_logins(&mut self, execute: &Execute, expect: &Expect) -> Result<(), Failure> {
        let message = tell::execute(execute)?;
        let service = self.stage.service;
        let mut failed = None;
        let asked = service.eventually("too few tokens were requested", || {
            if let Err(failure) = self.ask(&message, expect) {
                let reason = failure.reason.clone();
                failed = Some(failure);
                return Err(reason);
            }
            Ok(Some(service.entra.logins()?) >= execute.until_logins)
        });
        match (asked, failed) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(failure)) => Err(failure),
            (Err(reason), None) => Err(reason.into()),
        }
    }

    /// Waits for a device first.
    fn answer_device(&mut self, action: &str) -> Result<(), String> {
        let service = self.stage.service;
        let mut code = None;
        service.eventually("no device waits for its user", || {
            code = service.entra.device()?;
            Ok(code.is_some())
        })?;
        let code = code.ok_or("no device")?;
        service.entra.answer_device(&code, action)
    }

    fn ask(&mut self, message: &Message, expect: &Expect) -> Result<(), Failure> {
        let answer = self.answer(message)?;
        Ok(expect.judge(&answer)?)
    }

    fn answer(&mut self, message: &Message) -> Result<Answer, Failure> {
        self.stage.player.ask(message).map_err(|reason| Failure {
            reason: format!("the player is lost: {reason}"),
            player_lost: true,
        })
    }

    /// Judges the result, unless it runs in the background.
    fn call(&mut self, step: &Step, message: &Message) -> Result<(), Failure> {
        match step.action.background() {
            Some(name) => self.begin(message, name),
            None => self.ask(message, &step.expect),
        }
    }

    fn start(&mut self, ingest: &Ingest, op: &str) -> Result<(), Failure> {
        let message = tell::start(ingest, op, &self.stage.table, |input| self.file(input))?;
        self.begin(&message, op)
    }

    /// A failure may already be reported here; it is judged by `wait`.
    fn begin(&mut self, message: &Message, op: &str) -> Result<(), Failure> {
        let answer = self.answer(message)?;
        // An earlier operation of this name is forgotten.
        self.refused.remove(op);
        if !answer.ok {
            self.refused.insert(op.to_owned(), answer);
        }
        Ok(())
    }

    fn wait(&mut self, op: &str, expect: &Expect) -> Result<(), Failure> {
        match self.refused.get(op) {
            Some(answer) => Ok(expect.judge(answer)?),
            None => self.ask(&tell::of_operation("wait", op), expect),
        }
    }

    fn ingest(&mut self, ingest: &Ingest, expect: &Expect) -> Result<(), Failure> {
        let operations: Vec<String> = match ingest.times {
            None => vec![ingest.op.clone()],
            Some(times) => (1..=times).map(|n| n.to_string()).collect(),
        };
        for op in &operations {
            self.start(ingest, op)?;
        }
        for op in &operations {
            self.wait(op, expect)?;
        }
        Ok(())
    }

    /// Repeats the call until its result is as expected.
    fn eventually(&mut self, message: &Message, expect: &Expect) -> Result<(), Failure> {
        let service = self.stage.service;
        let (mut lost, mut wrong) = (None, None);
        let asked = service.eventually("the result was never as expected", || {
            let answer = self.answer(message).map_err(|failure| {
                let reason = failure.reason.clone();
                lost = Some(failure);
                reason
            })?;
            wrong = expect.judge(&answer).err();
            Ok(wrong.is_none())
        });
        match (asked, lost, wrong) {
            (Ok(()), ..) => Ok(()),
            (Err(_), Some(failure), _) => Err(failure),
            (Err(reason), None, wrong) => {
                Err(format!("{reason}: {}", wrong.unwrap_or_default()).into())
            }
        }
    }

    /// Notifications come when the service has them.
    fn outcomes(&mut self, outcomes: &Outcomes, expect: &Expect) -> Result<(), Failure> {
        let message = tell::outcomes(outcomes);
        let takes = outcomes.how == "take";
        let service = self.stage.service;
        let mut lost = None;
        let mut last: Option<Answer> = None;
        let asked = service.eventually("not enough notifications arrived", || {
            let answer = self.answer(&message).map_err(|failure| {
                let reason = failure.reason.clone();
                lost = Some(failure);
                reason
            })?;
            let before = last.take().filter(|_| takes);
            let answer = answer.with_items_of(before);
            let enough = !answer.ok || answer.items()?.len() >= outcomes.least;
            last = Some(answer);
            Ok(enough)
        });
        match (asked, lost, last) {
            (_, Some(failure), _) => Err(failure),
            (Err(reason), None, Some(last)) => Err(format!("{reason}: {last}").into()),
            (Err(reason), None, None) => Err(reason.into()),
            (Ok(()), None, Some(answer)) => Ok(expect.judge(&answer)?),
            (Ok(()), None, None) => Err("nothing was asked".to_owned().into()),
        }
    }

    /// Rules are numbered over the whole scenario.
    fn stalled(&self, rule: usize) -> Result<(), String> {
        let rule = rule
            .checked_sub(self.fired.len())
            .ok_or("the rule is disarmed")?;
        let service = self.stage.service;
        service.eventually("the rule never fired", || {
            let fired = service.fired()?;
            let fired = fired.get(rule).ok_or("there is no such rule")?;
            Ok(*fired > 0)
        })
    }

    fn disarm(&mut self) -> Result<(), String> {
        let service = self.stage.service;
        self.fired.extend(service.fired()?);
        self.fired.extend(service.entra.fired()?);
        service.entra.disarm()?;
        service.disarm()
    }

    /// The checks of the service after all steps.
    fn look_back(&mut self, scenario: &Scenario) -> Result<(), String> {
        self.disarm()?;
        self.judge_fired(scenario.fired.as_deref())?;
        self.judge_logins(scenario.logins.as_ref())?;
        self.stage.service.settle()?;
        self.judge_messages(scenario)?;
        for answer in scenario.rows.all() {
            let counting = || format!("['{}'] | count", self.stage.table);
            if let Some(count) = answer.count {
                self.judge_rows(&counting(), &[vec![count.into()]])?;
            }
            if let Some(rows) = &answer.are {
                self.judge_rows(&answer.query.clone().unwrap_or_else(counting), rows)?;
            }
        }
        Ok(())
    }

    fn judge_fired(&self, wanted: Option<&[Want]>) -> Result<(), String> {
        let once = vec![Want::Least(1); self.fired.len()];
        let wanted = wanted.unwrap_or(&once);
        if wanted.len() != self.fired.len() {
            return Err(format!(
                "{} rules were armed, `fired` lists {}",
                self.fired.len(),
                wanted.len()
            ));
        }
        for (n, (want, fired)) in wanted.iter().zip(&self.fired).enumerate() {
            if !want.fits(&fired.to_string()) {
                return Err(format!("rule {n} fired {fired} times, not {want}"));
            }
        }
        Ok(())
    }

    fn judge_logins(&self, wanted: Option<&Want>) -> Result<(), String> {
        let logins = self.stage.service.entra.logins()?;
        match wanted {
            Some(want) if !want.fits(&logins.to_string()) => {
                Err(format!("{logins} requests for tokens came, not {want}"))
            }
            _ => Ok(()),
        }
    }

    fn judge_messages(&self, scenario: &Scenario) -> Result<(), String> {
        let (posted, messages) = self.stage.service.messages()?;
        if let Some(want) = &scenario.posted
            && !want.fits(&posted.to_string())
        {
            return Err(format!("{posted} messages were posted, not {want}"));
        }
        if scenario.messages.is_empty() {
            return Ok(());
        }
        if scenario.messages.len() != messages.len() {
            let wanted = scenario.messages.len();
            return Err(format!("{posted} messages were posted, not {wanted}"));
        }
        for (n, (wanted, message)) in scenario.messages.iter().zip(&messages).enumerate() {
            for (path, want) in wanted {
                let pointer = format!("/{}", path.replace('.', "/"));
                let text = message.pointer(&pointer).and_then(text_of);
                let text = text.unwrap_or_default();
                if !want.fits(&text) {
                    return Err(format!("message {n}: {path} is {text:?}, not {want}"));
                }
            }
        }
        Ok(())
    }

    fn judge_rows(&self, query: &str, wanted: &[Vec<Value>]) -> Result<(), String> {
        let rows = self.stage.service.rows(query)?;
        let wanted: Value = wanted.iter().map(|row| Value::from(row.clone())).collect();
        match rows == wanted {
            true => Ok(()),
            false => Err(format!("{query}: expected {wanted}, got {rows}")),
        }
    }
}
