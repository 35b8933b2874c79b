"""What several verbs ask of clusters: do they find labels again, and how much does a random split leak?"""
