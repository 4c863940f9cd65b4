"""What can be done to a platform; a drill's file names a step by its `do`."""

from drills.steps import database, discovery, outside, overload, planned, unplanned
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
    | unplanned.Stall
    | discovery.Dns
    | discovery.Quarantine
    | discovery.Debug
    | discovery.DeleteAll
    | outside.BackEnd
    | outside.Issuer
    | outside.Controller
    | outside.Begin
    | outside.Complete
    | overload.Capacity
    | overload.Surge
    | database.FailOver
    | database.StaleEndpoints
    | database.RestartDatabase
    | database.Silence
    | database.Freeze
    | database.RotatePasswords
    | database.EndSessions
)

__all__ = ["Doing", "Step"]
