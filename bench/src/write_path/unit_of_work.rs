//! The contender in question: the use cases as an application of idp writes them.

use super::contender::Contender;
use super::route_plan::{DriverId, NewRoutePlan, RoutePlan, RoutePlanError, RoutePlanId};
use super::workload;
use crate::BoxError;
use idp_application::{Actor, Application, BoxFuture, Context, Failure, Store, Uow};
use idp_domain::{EntityId, TenantId};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) struct UnitOfWork {
    application: Application,
    context: Context,
}

impl UnitOfWork {
    pub(crate) fn over(store: Arc<dyn Store>) -> Result<Self, BoxError> {
        let context = Context::new(TenantId::new(workload::TENANT)?, Actor::new(workload::ACTOR));
        Ok(Self { application: Application::new(store), context })
    }
}

/// Puts that many plans in, numbered from 0, and gives their identities.
pub(crate) async fn seed(store: Arc<dyn Store>, plans: usize) -> Result<Vec<Uuid>, BoxError> {
    const PLANS_A_UNIT: usize = 500;
    let UnitOfWork { application, context } = UnitOfWork::over(store)?;
    let mut ids: Vec<Uuid> = Vec::with_capacity(plans);
    while ids.len() < plans {
        let unit = application.begin(context.clone());
        for _ in 0..PLANS_A_UNIT.min(plans - ids.len()) {
            let id = unit.new_id::<RoutePlanId>();
            unit.add(RoutePlan::create(id, NewRoutePlan::numbered(ids.len()))?)?;
            ids.push(id.uuid());
        }
        unit.commit().await?;
    }
    Ok(ids)
}

impl Contender for UnitOfWork {
    fn create(&self, _worker: usize, number: usize) -> BoxFuture<'_, Result<(), BoxError>> {
        let plan = NewRoutePlan::numbered(number);
        Box::pin(async move {
            let run = self.application.run(self.context.clone(), |uow| create(uow, plan.clone()));
            run.await.map_err(BoxError::from)
        })
    }

    fn dispatch(&self, _worker: usize, plan: Uuid) -> BoxFuture<'_, Result<(), BoxError>> {
        let (plan, driver) = (RoutePlanId::from_uuid(plan), DriverId::from_uuid(workload::DRIVER));
        Box::pin(async move {
            let run = self.application.run(self.context.clone(), |uow| dispatch(uow, plan, driver));
            run.await.map_err(BoxError::from)
        })
    }
}

async fn create(uow: Uow, new: NewRoutePlan) -> Result<(), Failure<RoutePlanError>> {
    let plan = RoutePlan::create(uow.new_id(), new)?;
    uow.add(plan)?;
    Ok(())
}

async fn dispatch(
    uow: Uow,
    plan: RoutePlanId,
    driver: DriverId,
) -> Result<(), Failure<RoutePlanError>> {
    let mut plan = uow.get::<RoutePlan>(plan).await?;
    plan.dispatch(driver)?;
    Ok(())
}
