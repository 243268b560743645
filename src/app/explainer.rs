//! What becomes of a request under a configuration, without listening or asking anybody.

use std::sync::Arc;

use super::{Parts, StartError, generation};
use crate::audit::Trail;
use crate::clock::Clock;
use crate::config::Config;
use crate::flow::{self, Explanation, Generation, Question, Shared};
use crate::lines::Lines;
use crate::random::Random;
use crate::telemetry::Format;

/// Says what becomes of requests under a configuration.
pub struct Explainer {
    generation: Arc<Generation>,
    shared: Shared,
}

impl Explainer {
    /// What a start would build of `config`, without listening or asking anybody.
    ///
    /// # Errors
    /// [`StartError::Provider`], as a start would give it.
    pub fn new(config: Config) -> Result<Self, StartError> {
        let parts =
            Parts { clock: Clock::system(), random: Random::system(), lines: Lines::kept(), observer: None };
        let shared = Shared::new(parts.clock.clone(), parts.random.clone());
        let mut generation = generation(config, &parts, &Trail::off(), Format::Json, &shared)?;
        generation.logging.access = None;
        Ok(Self { generation: Arc::new(generation), shared })
    }

    /// Says what becomes of a request, and why.
    #[must_use]
    pub fn explain(&self, question: Question) -> Explanation {
        flow::explain(&self.generation, &self.shared, question)
    }
}
