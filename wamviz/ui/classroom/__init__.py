"""A class under way as people see it: the teacher's page, the learners' panel, and the addresses that both ask."""
