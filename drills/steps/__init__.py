"""What can be done to a platform; a drill's file names a step by its `do`."""

from drills.steps import database, outside, planned, unplanned
from drills.steps.doing import Doing, Wait

Step = (
    Wait
    | planned.Roll
    | planned.BadRelease
    | planned.Scale
    | planned.Delete
    | planned.Drain
    | unplanned.Kill
    | unplanned.Hang
    | outside.BackEnd
    | database.FailOver
)

__all__ = ["Doing", "Step"]
