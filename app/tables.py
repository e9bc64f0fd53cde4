"""All mapped classes of the product, so that the schema is known as a whole."""

from __future__ import annotations

import audit.anchormodels
import audit.backupmodels
import audit.models
import audit.searchmodels
import audit.verifiedmodels
import core.idempotency
import core.jobs
import core.sites
import ebr.models
import ebr.report.models
import engine.models
import hardware.models
import inventory.models
import maintenance.models
import personnel.models
import production.models
import quality.models
import workflows.models
from core.db import Base

METADATA = Base.metadata
PACKAGES = (
    audit.anchormodels,
    audit.backupmodels,
    audit.models,
    audit.searchmodels,
    audit.verifiedmodels,
    core.idempotency,
    core.jobs,
    core.sites,
    ebr.models,
    ebr.report.models,
    engine.models,
    hardware.models,
    inventory.models,
    maintenance.models,
    personnel.models,
    production.models,
    quality.models,
    workflows.models,
)
