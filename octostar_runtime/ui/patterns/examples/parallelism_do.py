import time

import streamlit as st

from octostar_runtime.threading.async_task_manager import AsyncTaskManager


@st.cache_resource
def task_manager():
    return AsyncTaskManager(max_workers=4)


def long_work(task):
    for step in range(1, 11):
        task.output(AsyncTaskManager.TaskStatus.IN_PROGRESS, f"Step {step} of 10")
        time.sleep(0.1)
    return f"Step {step} of 10"


task_id = f"long-work-{st.query_params['user']}"
task_manager().submit(task_id, long_work)
while (result := task_manager().get_result(task_id))["status"].value < 10:
    time.sleep(0.05)
st.write(result["data"])
