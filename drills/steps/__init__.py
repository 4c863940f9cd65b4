"""What can be done to a platform; a drill's file names a step by its `do`."""

from drills.steps import database, discovery, outside, planned, unplanned
from drills.steps.doing import Doing, Wait

Step = (
    Wait
    | planned.Roll
    | planned.Scale
    | planned.Delete
    | planned.Drain
    | unplanned.Kill
    | unplanned.Hang
    | unplanned.Stall
    | discovery.Dns
    | discovery.Quarantine
    | discovery.DeleteAll
    | outside.BackEnd
    | database.FailOver
)

__all__ = ["Doing", "Step"]
