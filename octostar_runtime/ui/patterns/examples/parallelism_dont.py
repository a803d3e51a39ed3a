import asyncio

import streamlit as st


@st.cache_resource
def event_loop():
    return asyncio.new_event_loop()


async def long_work():
    for step in range(1, 11):
        st.write(f"Step {step} of 10")
        await asyncio.sleep(0.1)


event_loop().run_until_complete(long_work())
