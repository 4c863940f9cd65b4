"""`make node-budget`: do the Pods that may run at once fit on the nodes that may run at once?"""
