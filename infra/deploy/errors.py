"""What stops the deployment.

DeployError
├── BadPlace      a place's file lacks something, or says what cannot be
├── Refused       it could be done, and is not
├── StackFailed   CloudFormation could not do it
└── NotThereYet   something that others make is not there
"""


class DeployError(Exception):
    """The text says what is wrong, and what now."""


class BadPlace(DeployError):
    """A place's file, or a file of k8s/cluster, cannot be deployed from."""


class Refused(DeployError):
    """A guard holds it back; the text says how to go on."""


class StackFailed(DeployError):
    """With the reason of the first resource that failed."""


class NotThereYet(DeployError):
    """Waiting for it was given up."""
